"""Dialogs of SIP and what lives in them: sessions, provisional answers, subscriptions, transfers.  Pure: no sockets, no clock."""
