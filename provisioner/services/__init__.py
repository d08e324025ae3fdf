"""Sockets and the clock: each transport asks the same question of `provisioner.delivery.decide`."""
