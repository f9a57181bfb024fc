"""Many programmes at once, each as if alone, and all of them pooled."""

__all__ = []
