"""Takes a provider's key out of whatever it sends back."""

from __future__ import annotations

from activities.models.secret import Secret


class Echoes:
    """Knows the key of a client, if it has one."""

    def __init__(self, secret: Secret | None) -> None:
        self._secret = secret

    @property
    def key(self) -> str:
        """What errors call the key."""
        return f"the key in `{self._secret.reference}`" if self._secret else "a call without a key"

    def text(self, text: str) -> str:
        """The text without it."""
        return self._secret.redact(text) if self._secret else text

    def value(self, value: object) -> object:
        """A JSON value without it, in keys, too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return value
