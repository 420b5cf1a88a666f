"""HTML elements: whatever is put into one is escaped, unless it is an element itself."""

from __future__ import annotations

from heaplint.report import sanitize


class Markup(str):
    """HTML that is safe as it stands."""

    __slots__ = ()


def element(tag: str, *content: str, **attributes: str) -> Markup:
    """An element with its content; a trailing underscore of an attribute's name is dropped, others become hyphens."""
    named = "".join(f' {name.rstrip("_").replace("_", "-")}="{sanitize.html(at)}"' for name, at in attributes.items())
    return Markup(f"<{tag}{named}>{joined(*content)}</{tag}>")


def joined(*content: str) -> Markup:
    """Texts and elements behind each other."""
    return Markup("".join(one if isinstance(one, Markup) else sanitize.html(one) for one in content))


def void(tag: str, **attributes: str) -> Markup:
    """An element that has no content and no end, such as `<meta>`."""
    return Markup(element(tag, **attributes).removesuffix(f"</{tag}>"))
