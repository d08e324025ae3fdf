"""How the HTML report looks: light and dark, on paper, at 360 px and at 200 %."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;
--ink:light-dark(#1b1f24,#e6e9ee);--soft:light-dark(#5a6472,#a3adba);--paper:light-dark(#fff,#14171c);
--panel:light-dark(#f6f7f9,#1c2027);--line:light-dark(#d9dde3,#343b46);--link:light-dark(#0b57a4,#8abaff);
--fail:light-dark(#b3261e,#ff8f87);--warn:light-dark(#8a5300,#f2b661);--pass:light-dark(#1b6e35,#7fd69a);
--inconclusive:light-dark(#5b3f9e,#c0aaff);--skipped:light-dark(#5a6472,#a3adba);--info:light-dark(#0b57a4,#8abaff)}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1160px;padding:1.5rem;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
a{color:var(--link)}a:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-999px}.skip:focus{left:1rem;top:1rem;background:var(--paper);padding:.5rem}
h1{font-size:1.9rem;line-height:1.2;margin:.1rem 0 .6rem}h2{font-size:1.25rem;margin:0}h3{font-size:1rem;margin:0 0 .4rem}
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
.summary td,.summary th,.badge{white-space:nowrap}.summary td,.summary th{padding:.35rem .45rem}
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
.drawing{overflow-x:auto;border:1px solid var(--line);border-radius:6px;padding:.5rem;background:var(--panel)}
.drawing svg{max-width:100%;height:auto}
.findings{table-layout:fixed}.findings thead th:nth-child(1){width:9.5rem}.findings thead th:nth-child(5){width:13rem}
footer{margin-top:3rem;padding-top:.6rem;border-top:1px solid var(--line);font-size:.85rem}
@media (max-width:700px){body{padding:1rem}.summary{display:block;overflow-x:auto}
.findings,.findings caption,
.findings tbody,.findings tr,.findings td,.findings th{display:block;width:auto}.findings thead{display:none}
.findings tr{border-bottom:2px solid var(--line);padding:.4rem 0}
.findings td:nth-child(3)::before{content:"expected ";color:var(--soft)}
.findings td:nth-child(4)::before{content:"seen ";color:var(--soft)}
.findings td,.findings th{border:0;padding:.1rem 0}
dl{grid-template-columns:1fr}dt{margin-top:.3rem}dd .place{margin-left:0;display:block}}
@page{size:A4;margin:14mm}
@media print{:root{color-scheme:light}body{max-width:none;padding:0;font-size:9.5pt}
.skip{display:none}a{color:inherit;text-decoration:none}
.card,tr,figure{break-inside:avoid}h2,h3,caption,thead{break-after:avoid}.drawing{overflow:visible;background:none}
.badge,.card{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
