"""Tags: words after @ in a COMMENT, such as `@no-fk because the parent is elsewhere`."""

import re

_TAG = re.compile(r"(?<![\w@.])@([A-Za-z][\w-]*)")


def tags_of(comment: str | None) -> str | None:
    """Give the tags of a comment in lower case, each between spaces: " no-fk pii "."""
    found = [] if comment is None else [tag.lower() for tag in _TAG.findall(comment)]
    return f" {' '.join(dict.fromkeys(found))} " if found else None


def tagged(tags: str | None, tag: str | None) -> bool:
    """Say whether `tag` is among `tags`, as tags_of() gives them; no tag (NULL) is not."""
    return tags is not None and tag is not None and f" {tag.lower().lstrip('@')} " in tags
