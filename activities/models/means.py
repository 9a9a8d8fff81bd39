"""What a model call reaches of its worker."""

from __future__ import annotations

from dataclasses import dataclass, field

from activities.models.aliases import Catalogue
from activities.redaction import Redactor
from activities.tools.registry import Toolbox
from activities.transcripts import Transcripts


@dataclass(frozen=True, slots=True)
class Means:
    """The models that can be asked, the tools that can be offered, where conversations are kept, what may not be."""

    catalogue: Catalogue
    toolbox: Toolbox
    transcripts: Transcripts
    redactor: Redactor = field(default_factory=Redactor)
