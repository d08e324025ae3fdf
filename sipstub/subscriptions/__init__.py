"""Who wants to be told of what, and what other methods than REGISTER and INVITE are answered.  Pure.  RFC 6665."""
