"""What is kept on disk: the published generations (ready files) and the database of what happened.

Limits: one loader publishes into a folder, any number of processes read it; everything a peer can grow is bounded.
"""
