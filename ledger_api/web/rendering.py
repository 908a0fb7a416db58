"""Templates, stylesheet and QR code become bytes and headers. One `Site` per process, made by the first page that is asked for."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ledger_api.web.languages import TAGS, Language, choose_language, load_languages, override_of

HERE = Path(__file__).parent
# nothing but our own stylesheet, images and forms: no script at all, no frame around us, no other origin
POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
PAGE_HEADERS = {
    "Content-Security-Policy": POLICY,
    # an address holds a serial: no other site learns it
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "private, no-cache",
    "Vary": "Accept, Accept-Language",
}
# pages on which an owner's key is used, or a proof is checked: our own modules run, and ask our own doors alone
SCRIPTED_POLICY = f"{POLICY}; script-src 'self'; connect-src 'self'"
ASSETS = {"style.css": "text/css; charset=utf-8", "mark.svg": "image/svg+xml"}
MODULE_TYPE = "text/javascript; charset=utf-8"
ASSET_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Visit:
    """How a visitor reads: the language chosen, and whether they chose it by hand (then links keep it)."""

    language: Language
    override: str | None
    path: str
    query: tuple[tuple[str, str], ...] = ()

    def keep(self, path: str, **more: str) -> str:
        """A link of ours that keeps the chosen language."""
        query = {**more, **({"lang": self.override} if self.override else {})}
        return f"{path}?{urlencode(query)}" if query else path

    def in_view(self, view: str) -> str:
        """This page with the story told that way."""
        rest = [(name, value) for name, value in self.query if name != "view"]
        return f"{self.path}?{urlencode([*rest, ('view', view), *([('lang', self.override)] if self.override else [])])}"

    def in_language(self, tag: str) -> str:
        """This page in another language."""
        return f"{self.path}?{urlencode([*self.query, ('lang', tag)])}"


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    media_type: str


class Site:
    """Everything that is the same for every page. Immutable once made."""

    def __init__(self) -> None:
        self.languages = load_languages()
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        bodies = {name: (HERE / "static" / name).read_bytes() for name in ASSETS}
        # the name changes with the content, so that browsers may keep it for ever
        self._paths = {name: f"/assets/{hashlib.sha256(body).hexdigest()[:12]}/{name}" for name, body in bodies.items()}
        self.assets = {self._paths[name]: Asset(body, ASSETS[name]) for name, body in bodies.items()}
        self._serve_modules()

    def _serve_modules(self) -> None:
        """Modules import each other by relative paths, so all of them stand below one name, which changes with any of them."""
        static = HERE / "static"
        modules = {str(path.relative_to(static)): path.read_bytes() for path in sorted(static.rglob("*.js"))}
        version = hashlib.sha256(b"".join(name.encode() + body for name, body in modules.items())).hexdigest()[:12]
        self._paths |= {name: f"/assets/{version}/{name}" for name in modules}
        self.assets |= {self._paths[name]: Asset(body, MODULE_TYPE) for name, body in modules.items()}

    def visit(self, *, path: str, accept_language: str | None, lang: str | None, query: tuple[tuple[str, str], ...] = ()) -> Visit:
        tag = choose_language(accept_language, lang)
        return Visit(self.languages[tag], override_of(lang), path, query)

    def render(self, template: str, visit: Visit, *, is_scripted: bool = False, **values: Any) -> str:
        return self._templates.get_template(template).render(
            say=visit.language.say,
            lang=visit.language.tag,
            visit=visit,
            languages=[self.languages[tag] for tag in TAGS],
            assets=self._paths,
            is_scripted=is_scripted,
            **values,
        )


def headers_in(language: Language, *, is_scripted: bool = False) -> dict[str, str]:
    policy = SCRIPTED_POLICY if is_scripted else POLICY
    return PAGE_HEADERS | {"Content-Language": language.tag, "Content-Security-Policy": policy}


def qr_code(link: str) -> Markup:
    """An inline picture of the link, without style attributes (our policy allows none). Its words stand beside it."""
    # any of the eight masks can be read; weighing them all would be most of the time that a page takes
    code = segno.make(link, error="m", micro=False, mask=4)
    return Markup(code.svg_inline(omitsize=True, border=3, svgclass="code", lineclass=None))  # made of modules, not of text


def utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
