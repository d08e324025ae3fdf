"""What an SBC will do to a phone's session timers and registrations, on paper: from settings alone, no B2BUA is asked."""
