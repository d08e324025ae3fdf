"""Who is where: addresses of record, their bindings, and who may change them.  Pure.  RFC 3261 section 10."""
