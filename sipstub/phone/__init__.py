"""The virtual phone: it boots from a provisioning URL and obeys the files it gets, as a Yealink V80 phone does."""
