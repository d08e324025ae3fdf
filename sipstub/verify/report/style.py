"""How the HTML report looks: light and dark, on paper, at 360 px and at 200 %."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;
--ink:#1b1f24;--soft:#5a6472;--paper:#fff;--panel:#f6f7f9;--line:#d9dde3;--link:#0b57a4;--fail:#b3261e;
--warn:#8a5300;--pass:#1b6e35;--inconclusive:#5b3f9e;--skipped:#5a6472;--info:#0b57a4}
@media screen and (prefers-color-scheme:dark){:root{
--ink:#e6e9ee;--soft:#a3adba;--paper:#14171c;--panel:#1c2027;--line:#343b46;--link:#8abaff;--fail:#ff8f87;
--warn:#f2b661;--pass:#7fd69a;--inconclusive:#c0aaff;--skipped:#a3adba;--info:#8abaff}}
*{box-sizing:border-box}
body{overflow-wrap:break-word;margin:0 auto;max-width:1160px;padding:1.5rem;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
a{color:var(--link)}a:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-999px}.skip:focus{left:1rem;top:1rem;background:var(--paper);padding:.5rem}
h1{font-size:1.9rem;line-height:1.2;margin:.1rem 0 .6rem}
h2{font-size:1.25rem;margin:1.6rem 0 0}.phone h2{margin:0}h3{font-size:1rem;margin:0 0 .4rem}
h1.fail .sign{color:var(--fail)}h1.warn .sign{color:var(--warn)}h1.pass .sign{color:var(--pass)}
h1.inconclusive .sign{color:var(--inconclusive)}
.kicker,.facts,.muted,.place,footer{color:var(--soft)}.kicker,.facts{margin:0}
.totals{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;list-style:none;margin:0 0 1.5rem;padding:0}
.totals b{font-size:1.4rem;font-variant-numeric:tabular-nums}
table{border-collapse:collapse;width:100%;font-size:.9rem;margin:.5rem 0 0}
caption{text-align:left;color:var(--soft);padding:.3rem 0}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
thead th{border-bottom:2px solid var(--line);font-weight:600}tbody th{font-weight:600}
.number{text-align:right;font-variant-numeric:tabular-nums}
.badge{white-space:nowrap}.summary td,.summary th{overflow-wrap:normal}.summary tbody th{overflow-wrap:anywhere;min-width:8rem}
.summary .code,.summary td:nth-child(5){white-space:nowrap}.summary td,.summary th{padding:.35rem .45rem}
.summary thead .number{font-size:.72rem;vertical-align:bottom}
.code,.place{font-family:ui-monospace,"Cascadia Mono","DejaVu Sans Mono",monospace;font-size:.85em;font-weight:400}
.badge{display:inline-block;font-size:.78rem;font-weight:700;letter-spacing:.02em;padding:.05rem .5rem;border-radius:1rem;
border:1.5px solid currentColor}
.badge.fail{color:var(--fail)}.badge.warn{color:var(--warn)}.badge.pass{color:var(--pass)}.badge.info{color:var(--info)}
.badge.inconclusive{color:var(--inconclusive)}.badge.skipped{color:var(--skipped)}
.phone{margin:2.5rem 0 0;padding-top:1.2rem;border-top:3px solid var(--line)}
.card{border:1px solid var(--line);border-left:6px solid var(--fail);background:var(--panel);border-radius:6px;
padding:.7rem 1rem;margin:.9rem 0}
.card.warn{border-left-color:var(--warn)}
dl{display:grid;grid-template-columns:5.5rem 1fr;gap:.15rem .8rem;margin:0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
dd .place{margin-left:.6rem}
figure{margin:1rem 0}figcaption{color:var(--soft);font-size:.9rem;padding-bottom:.3rem}
.scroll,.drawing{overflow-x:auto}.scroll:focus-visible,.drawing:focus-visible{outline:3px solid var(--link)}
.drawing{border:1px solid var(--line);border-radius:6px;padding:.5rem;background:var(--panel)}
.drawing svg{display:block;height:auto;max-width:100%;min-width:980px}.drawing svg+svg{margin-top:.8rem}
.drawing :target>text{font-weight:700;text-decoration:underline}
:target{scroll-margin-top:1rem}.card:target,tr:target{outline:3px solid var(--link)}
.heard{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.legend .badge{margin-right:.3rem}
.matrix{width:auto}.matrix caption{white-space:nowrap}.matrix th,.matrix td{padding:.1rem .4rem;vertical-align:middle}
.matrix thead th{vertical-align:bottom}.matrix tbody th{font-weight:400;white-space:nowrap;
position:sticky;left:0;background:var(--paper)}
.matrix td{text-align:center;min-width:2.3rem}.matrix td a{display:block;padding:.15rem 0;
color:inherit;font-weight:700;text-decoration:none}
.matrix td a:hover{text-decoration:underline}.matrix small{font-weight:400;padding-left:.1rem}
.matrix td.fail{color:var(--fail)}.matrix td.warn{color:var(--warn)}.matrix td.pass{color:var(--pass)}
.matrix td.inconclusive{color:var(--inconclusive)}.matrix td.skipped{color:var(--skipped)}.matrix td.info{color:var(--info)}
.turned span{display:inline-block;writing-mode:vertical-rl;transform:rotate(180deg);max-height:11rem;overflow-wrap:anywhere}
details{margin:.5rem 0 0}.flow td{overflow-wrap:normal}.flow{font-size:.8rem}summary{cursor:pointer;color:var(--link)}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.8rem;margin:.4rem 0 0}.back{font-size:.85rem}
.findings{table-layout:fixed}.findings thead th:nth-child(1){width:9.5rem}.findings thead th:nth-child(5){width:13rem}
footer{margin-top:3rem;padding-top:.6rem;border-top:1px solid var(--line);font-size:.85rem}
@media screen and (max-width:700px){body{padding:1rem}h1{font-size:1.5rem}
.summary td,.summary th{white-space:nowrap}.summary tbody th{white-space:normal;min-width:7rem;max-width:10rem}
.matrix caption{white-space:normal}.matrix tbody th{white-space:normal;min-width:7.5rem;max-width:7.5rem;overflow-wrap:break-word}
.findings,.findings caption,
.findings tbody,.findings tr,.findings td,.findings th{display:block;width:auto}.findings thead{display:none}
.findings tr{border-bottom:2px solid var(--line);padding:.4rem 0}
.findings td:nth-child(3)::before{content:"expected ";color:var(--soft)}
.findings td:nth-child(4)::before{content:"seen ";color:var(--soft)}
.findings td,.findings th{border:0;padding:.1rem 0}
dl{grid-template-columns:1fr}dt{margin-top:.3rem}dd .place{margin-left:0;display:block}}
@page{size:A4;margin:14mm}
@media print{body{max-width:none;padding:0;font-size:9.5pt}
.skip,.back,details:not([open]){display:none}a{color:inherit;text-decoration:none}
.phone{break-before:page;border-top:0;margin-top:0;padding-top:0}
.card,tr,.drawing svg{break-inside:avoid}h2,h3,caption,figcaption,thead{break-after:avoid}
.drawing,.scroll{overflow:visible;background:none;border:0;padding:0}.drawing svg{min-width:0}
.findings{font-size:8pt}.findings .badge,.summary .badge{font-size:6.5pt;padding:0 .3rem}
.findings thead th:nth-child(1){width:6.6rem}.findings thead th:nth-child(2){width:24%}
.findings thead th:nth-child(5){width:7.6rem}
.findings td,.findings th{padding:.15rem .3rem}.summary thead .number{font-size:6pt}
.summary tbody th{min-width:0}.summary{font-size:8pt}.summary td,.summary th{padding:.2rem .25rem}
.matrix tbody th{position:static}.matrix{font-size:8pt}.matrix td a{padding:0}
.badge,.card{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
