"""What tests of a running fleet may ask for."""

from folder_fixtures import folder, kind_of_session, serve, session

__all__ = ["folder", "kind_of_session", "serve", "session"]
