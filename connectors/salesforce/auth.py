"""Who we are to Salesforce: a token, renewed once when it has ended, by one thread at a time.

Not by simple-salesforce's login: it waits for ever, knows no refresh token, speaks https only, and
renews from several threads at once, which locks out an app whose refresh tokens are replaced.
"""

import base64
import os
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import requests

from config.errors import FixConfig, GatepostError, RetryLater, StopCycle
from config.problem import Problem
from config.settings import FOLDER_VARIABLE, Secrets, need, need_all, variable
from connectors import http
from connectors.salesforce.options import Options, address

_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_JWT_LIFE = timedelta(minutes=3)
_TEST_HOSTS = (".sandbox.my.salesforce.com", ".scratch.my.salesforce.com")
LEGACY = (
    "auth: password is a login that Salesforce is taking away; client_credentials or jwt will last"
)

_HELP = {
    "invalid_client_id": "see client_id; a new app takes about ten minutes to be known, and "
    "login_url must be the org's own address",
    "invalid_client": "see the client secret",
    "OAUTH_APP_BLOCKED": "an administrator blocked this app, or must install it in the org first",
    "unsupported_grant_type": "this login is switched off in the org or the app",
}
_GRANT_HELP = {
    "client_credentials": "the app needs a user that it runs as, and `url` must be the org's own "
    "address (My Domain): login.salesforce.com does not serve this login",
    "jwt": "an administrator must approve the app for this user; see also username, and whether "
    "the app holds the certificate of this private key",
    "refresh_token": "the refresh token was used or revoked: sign in anew and store the new one",
    "password": "see username, password and security token",
}
_NEEDED = {
    "client_credentials": ("client_id", "client_secret"),
    "jwt": ("client_id", "username", "private_key"),
    "refresh_token": ("client_id", "refresh_token"),
    "token": ("access_token",),
    "password": ("client_id", "username", "password"),
}


@dataclass(frozen=True, slots=True)
class Token:
    """What requests carry, and where they go. `number` counts renewals."""

    text: str
    instance_url: str
    number: int


class NoLogin(RetryLater):
    """The login was tried as often as patience lasts, so whoever needed it need not try again."""


class Login:
    """The token of one connection; asked for at first use. Safe for several threads."""

    def __init__(
        self,
        name: str,
        options: Options,
        secrets: Secrets,
        session: requests.Session,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self.name = name
        self.warnings: list[str] = [LEGACY] if options.auth == "password" else []
        self._told = 0
        self._options = options
        self._secrets = secrets
        self._session = session
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._refresh_token: str | None = None  # the newest, where they are replaced
        self._identity = ""  # the address of who is logged in: …/id/ORGANISATION/USER
        self._given = set(secrets.all_values())

    def hide(self, text: str) -> str:
        """A text without any secret that this connection knows."""
        return http.redactor(self._given)(text)

    def news(self) -> list[str]:
        """The warnings that were not asked for by this way yet."""
        fresh, self._told = self.warnings[self._told :], len(self.warnings)
        return fresh

    def check_secrets(self) -> None:
        """FixConfig with every secret that this way to log in needs and lacks. Sends nothing."""
        options = {"client_id": self._options.client_id, "username": self._options.username}
        wanted = [one for one in _NEEDED.get(self._options.auth, ()) if not options.get(one)]
        need_all(self._secrets, self.name, wanted)

    def token(self) -> Token:
        """The token to use now."""
        with self._lock:
            if self._token is None:
                self._token = self._log_in(1)
            return self._token

    def organisation(self) -> str:
        """The organisation's id as the login told it; "" where it did not."""
        self.token()
        found = re.search(r"/id/(00D\w{12,15})/", self._identity)
        return found[1] if found else ""

    def renewed(self, ended: Token) -> Token:
        """Another token than `ended`, which was refused. Whoever comes second gets the first's."""
        with self._lock:
            if self._token is None or self._token.number == ended.number:
                self._token = self._log_in(ended.number + 1)
            return self._token

    def _log_in(self, number: int) -> Token:
        options = self._options
        self.check_secrets()
        if options.auth == "token":
            if number > 1:
                raise StopCycle(
                    f"{self.name}: the access token has ended, and `auth: token` cannot renew it",
                    "give a new one, or use auth: client_credentials or jwt",
                )
            if not options.url:
                raise self._fix("url", "auth: token needs the org's address")
            return Token(need(self._secrets, self.name, "access_token"), options.url, 1)
        try:
            answer = http.retrying(self._sleep, attempts=options.retries + 1)(self._ask)
        except RetryLater as error:
            raise NoLogin(str(error), error.wait_seconds) from error
        text, instance = answer.get("access_token"), answer.get("instance_url")
        if not text or not instance:
            raise StopCycle(f"{self.name}: the login was answered without a token")
        self._given.add(text)
        self._identity = str(answer.get("id") or "")
        if replaced := answer.get("refresh_token"):
            self._keep(replaced)  # before anything is done with the new session
        where = address(instance, lambda why: StopCycle(f"{self.name}: instance_url {why}"))
        return Token(text, where, number)

    def _ask(self) -> Mapping[str, str]:
        form, headers = self._form()
        url = f"{self._options.login_url}/services/oauth2/token"
        response = http.send(self._session, "POST", url, data=form, headers=headers, hide=self.hide)
        if response.status_code in http.BUSY:
            raise RetryLater(
                f"{urlsplit(url).netloc} answered the login with {response.status_code}",
                http.retry_after(response, self._clock),
            )
        try:
            body = response.json()
        except ValueError:
            body = None
        if response.status_code == 200 and isinstance(body, dict):
            return body
        raise self._refused(response, body if isinstance(body, dict) else {})

    def _refused(self, response: requests.Response, body: Mapping[str, object]) -> GatepostError:
        code = str(body.get("error") or response.status_code)
        said = self.hide(str(body.get("error_description") or http.shown(response, self.hide)))
        hint = _HELP.get(code) or _GRANT_HELP[self._options.auth]
        host = urlsplit(self._options.login_url).netloc
        return StopCycle(f"{self.name}: {host} refused the login: {code} ({said})", hint)

    def _form(self) -> tuple[dict[str, str], dict[str, str]]:
        """The form of the login and its headers. FixConfig if something is missing."""
        match self._options.auth:
            case "jwt":
                return {"grant_type": _JWT_GRANT, "assertion": self._assertion()}, {}
            case "client_credentials":
                pair = f"{quote(self._client_id(), safe='')}:{quote(self._secret(), safe='')}"
                coded = base64.b64encode(pair.encode()).decode()
                return {"grant_type": "client_credentials"}, {"Authorization": f"Basic {coded}"}
            case "refresh_token":
                token = self._refresh_token or need(self._secrets, self.name, "refresh_token")
                form = {"grant_type": "refresh_token", "refresh_token": token}
                return {**form, **self._client()}, {}
            case "password":
                word = need(self._secrets, self.name, "password")
                word += self._secrets.get("security_token") or ""
                form = {"grant_type": "password", "username": self._username(), "password": word}
                return {**form, **self._client()}, {}
            case other:
                raise self._fix("auth", f"{other!r} is no way to log in")

    def _client(self) -> dict[str, str]:
        form = {"client_id": self._client_id()}
        secret = self._secrets.get("client_secret")
        return form | ({"client_secret": secret} if secret else {})

    def _secret(self) -> str:
        return need(self._secrets, self.name, "client_secret")

    def _client_id(self) -> str:
        return self._options.client_id or need(self._secrets, self.name, "client_id")

    def _username(self) -> str:
        return self._options.username or need(self._secrets, self.name, "username")

    def _assertion(self) -> str:
        import jwt  # brings cryptography, which only this login needs

        claims = {
            "iss": self._client_id(),
            "sub": self._username(),
            "aud": _audience(self._options.login_url),
            "exp": int((self._clock() + _JWT_LIFE).timestamp()),
        }
        key = need(self._secrets, self.name, "private_key").replace("\\n", "\n")
        try:
            return jwt.encode(claims, key, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            # The library's words may quote the key.
            raise self._fix("private_key", "the secret is no RSA key in PEM form") from None

    def _keep(self, replaced: str) -> None:
        """Store the refresh token that takes the place of ours, which is dead from now on."""
        self._refresh_token = replaced
        self._given.add(replaced)
        try:
            why = _store(variable(self.name, "refresh_token"), replaced)
        except OSError as error:
            why = error.strerror or str(error)
        if why:
            self.warnings.append(
                f"{self.name}: Salesforce replaced the refresh token and the new one could not be "
                f"stored ({why}): the next run cannot log in. Use auth: jwt or client_credentials, "
                "or a secrets folder that may be written"
            )

    def _fix(self, key: str, why: str) -> FixConfig:
        return FixConfig([Problem("gatepost.yaml", 0, 0, f"connections.{self.name}.{key}", why)])


def _audience(login_url: str) -> str:
    """Whom a signed login speaks to: production or test, whatever the org's own address."""
    host = urlsplit(login_url).hostname or ""
    test = host == "test.salesforce.com" or host.endswith(_TEST_HOSTS)
    return "https://test.salesforce.com" if test else "https://login.salesforce.com"


def _store(name: str, secret: str) -> str:
    """Put a secret where the next run looks for it; returns why that cannot be, "" if it was."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if os.environ.get(name):
        return f"the variable {name} is set, and wins over any file"
    if not folder:
        return f"{FOLDER_VARIABLE} names no folder"
    made = Path(folder) / f".{name.lower()}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(os.open(made, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    made.replace(Path(folder) / name.lower())
    return ""
