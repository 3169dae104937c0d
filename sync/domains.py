"""Domains of e-mail addresses and web sites, and which of them tell nothing about a company."""

import re
from collections.abc import Iterator

_FAMILIES = re.compile(
    r"(gmail|googlemail|yahoo|ymail|rocketmail|hotmail|outlook|live|msn|gmx|yandex|aol|icloud"
    r"|protonmail|proton|tutanota|mailinator)\.[a-z]{2,4}(\.[a-z]{2})?"
)
"""Free mail that is there under many endings: yahoo.com, yahoo.fr, yahoo.co.uk."""

_PROVIDERS = """
    me.com mac.com pm.me tuta.io tuta.com hey.com fastmail.com fastmail.fm hushmail.com zoho.com
    mail.com email.com usa.com inbox.com lycos.com excite.com rediffmail.com duck.com riseup.net
    web.de freenet.de t-online.de arcor.de online.de posteo.de mailbox.org vodafonemail.de
    1und1.de bluewin.ch hispeed.ch chello.at aon.at kabelmail.de orange.fr wanadoo.fr free.fr
    laposte.net sfr.fr neuf.fr bbox.fr numericable.fr skynet.be telenet.be proximus.be ziggo.nl
    kpnmail.nl planet.nl hetnet.nl xs4all.nl home.nl libero.it virgilio.it tiscali.it alice.it
    tin.it fastwebnet.it terra.es telefonica.net sapo.pt btinternet.com btopenworld.com sky.com
    talktalk.net virginmedia.com ntlworld.com blueyonder.co.uk tiscali.co.uk eircom.net
    comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net
    earthlink.net optonline.net roadrunner.com rr.com frontier.com windstream.net juno.com
    netzero.net rogers.com bell.net shaw.ca sympatico.ca telus.net videotron.ca bigpond.com
    bigpond.net.au optusnet.com.au iinet.net.au xtra.co.nz uol.com.br bol.com.br terra.com.br
    ig.com.br globo.com wp.pl o2.pl onet.pl interia.pl op.pl seznam.cz centrum.cz email.cz
    post.cz azet.sk abv.bg mail.bg ukr.net i.ua mail.ru bk.ru list.ru inbox.ru rambler.ru ya.ru
    qq.com foxmail.com 163.com 126.com yeah.net sina.com sohu.com 139.com aliyun.com naver.com
    daum.net hanmail.net nate.com kakao.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp
    guerrillamail.com sharklasers.com 10minutemail.com temp-mail.org yopmail.com trashmail.com
    getnada.com privaterelay.appleid.com users.noreply.github.com
"""
_SINGLE = frozenset(_PROVIDERS.split())

_SPLIT = re.compile(r"[\s,;|]+")
_SITE = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?(?://)?(?:[^@/]*@)?([^/?#:@]+)")


def is_free_mail(domain: str) -> bool:
    """Whether anybody can have an address there, so that it tells nothing about a company."""
    return domain in _SINGLE or _FAMILIES.fullmatch(domain) is not None


def domains_of_sites(text: str) -> list[str]:
    """The domains that a field holds: addresses of web sites, or bare domains, several with a
    space, comma or semicolon between them. Scheme, login, port, path and `www.` are left out."""
    found = [_SITE.match(one) for one in _SPLIT.split(text.strip().lower())]
    domains = [as_domain(match[1].removeprefix("www.")) for match in found if match]
    return list(dict.fromkeys(domain for domain in domains if domain))


def as_domain(text: str) -> str:
    """A domain as it is compared: lower case, no final dot, letters beyond ASCII as DNS has them;
    "" if it is none."""
    domain = text.lower().rstrip(".")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    labels = domain.split(".")
    return domain if len(labels) > 1 and all(labels) else ""


def with_parents(domain: str) -> Iterator[str]:
    """The domain and those that it belongs to, nearest first, down to two labels."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        yield ".".join(labels[start:])
