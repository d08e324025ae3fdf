"""Phones from other people's files: read -> candidates -> plan -> write.  Nothing is written before the plan was shown."""
