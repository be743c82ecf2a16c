"""What the browser viewer asks of the server: studies, display models, frames, tags."""

from .routes import router

__all__ = ["router"]
