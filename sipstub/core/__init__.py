"""What sipstub answers: transactions, registrar and other services tied together, without sockets or a clock."""
