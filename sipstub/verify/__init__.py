"""What a phone's file says against what the phone did: expectations, facts, rules, findings, reports.  Pure."""
