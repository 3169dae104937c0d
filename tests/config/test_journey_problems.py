# ruff: noqa: E501  (a table of mistakes reads best with one a line)
"""Each mistake in a journey gives one sentence at the right place, with the nearest right name."""

import pytest

from config.load import load_project

FILE = "journeys/landing.yaml"

# (what stands there, what is written instead, every problem: the text it points at and its words)
MISTAKES = [
    # names and keys
    ("owner: Onboarding", "ower: Onboarding", [("ower: Onboarding", "stages[0].ower: unknown key 'ower'; nearest is 'owner'")]),
    ("journey: Landing", "name: Landing", [("name: Landing", "'journey' is missing"), ("name: Landing", "name: unknown key 'name'")]),
    ("timezone: America/New_York", "timezone: America/NewYork", [("America/NewYork", "timezone: no time zone is called 'America/NewYork'; nearest is 'America/New_York'")]),
    ("since: 2025-01-01", "since: 2025-02-30", [("2025-02-30", "since: '2025-02-30' is no day of the calendar")]),
    ("since: 2025-01-01", "since: 01/02/2025", [("01/02/2025", "since: a date is expected here, not '01/02/2025'; write it as 2025-01-31")]),
    ("since: 2025-01-01", "since: 0025-01-01", [("0025-01-01", "since: '0025-01-01' lies outside the years 1970 to 2199")]),
    ("since: 2025-01-01", "since:", [("journey: Landing", "'since' is missing")]),
    ("start: signed_on", "start: signd_on", [("signd_on", "start: no field named 'signd_on' in mapping.yaml; nearest is 'signed_on'")]),
    ("start: signed_on", "start: champion", [("champion", "start: the field 'champion' is of type text, and a start is a date; give it `type: date` in mapping.yaml")]),
    ("first_value: first_export", "first_value: first_exprt", [("first_exprt", "first_value: no signal named 'first_exprt'; nearest is 'first_export'")]),
    ("first_value: first_export", "first_value: nps", [("nps", "first_value: the signal 'nps' is not a date; name a first, an nth, or a last without property")]),
    ("first_value: first_export", "first_value: weekly_users", [("weekly_users", "first_value: the signal 'weekly_users' is not a date; name a first, an nth, or a last without property")]),
    # features
    ("alerting:  [Alert Set]", "Map Drawn:  [Alert Set]", [("Map Drawn:  [Alert Set", "features.Map Drawn: the name 'Map Drawn' is an event's name too")]),
    ("alerting:  [Alert Set]", "Ticket Raised:  [Alert Set]", [("Ticket Raised:  [Alert", "features.Ticket Raised: the name 'Ticket Raised' is an event's name too")]),
    ("alerting:  [Alert Set]", "nps:  [Alert Set]", [("nps:  [Alert Set", "features.nps: the name 'nps' is taken by a signal")]),
    ("alerting:  [Alert Set]", "segment:  [Alert Set]", [("segment:  [Alert Set", "features.segment: the name 'segment' is taken by a field in mapping.yaml")]),
    ("alerting:  [Alert Set]", "any:  [Alert Set]", [("any:  [Alert Set", "features.any: the name 'any' is built in")]),
    ("alerting:  [Alert Set]", "alerting:  [any]", [("[any", "features.alerting: a feature is a set of events, and any is not one of them")]),
    ("alerting:  [Alert Set]", "alerting:  []", [("[", "features.alerting: is an empty list")]),
    ("alerting:  [Alert Set]", "alerting:  {a: b}", [("{a: b", "features.alerting: a name or a list of names is expected here, not a map")]),
    # what signals are called
    ("new_champion:", "stage:", [("stage:  {changed: cham", "signals.stage: the name 'stage' is built in")]),
    ("new_champion:", "Journey:", [("Journey:  {changed: ch", "signals.Journey: the name 'Journey' is built in")]),
    ("new_champion:", "champion:", [("champion:  {changed: c", "signals.champion: the name 'champion' is taken by a field in mapping.yaml")]),
    ("new_champion:", "between:", [("between:  {changed: ch", "signals.between: the name 'between' is a word of SQL")]),
    ("new_champion:", "NPS:", [("NPS:  {changed: champi", "signals.NPS: the name 'NPS' differs from 'nps' only by the case of its letters")]),
    ("new_champion:", "new-champion:", [("new-champion:  {change", "signals.new-champion: 'new-champion' cannot be a name in expressions: it must begin with a letter and go on with letters, digits and _")]),
    ("new_champion:", "nps:", [("nps:  {changed: champi", "signals.nps: the key 'nps' stands here again; first in line 23")]),
    # how signals are written
    ("{changed: champion, within: 30d}", "{chnged: champion, within: 30d}", [("{chnged: champion", "signals.new_champion: says no kind: one of first, nth, last, count, users, days, features, sum, average, min, max, changed, ratio; nearest is 'changed'")]),
    ("{changed: champion, within: 30d}", "{changed: champion, count: X}", [("{changed: champion", "signals.new_champion: is of two kinds at once: count and changed")]),
    ("{changed: champion, within: 30d}", "Map Drawn", [("Map Drawn", "signals.new_champion: a signal is a map such as {count: Report Created, within: 30d}, not 'Map Drawn'")]),
    ("{changed: champion, within: 30d}", "", [("", "signals.new_champion: a signal is a map such as {count: Report Created, within: 30d}, not nothing")]),
    ("{changed: champion, within: 30d}", "{changed: champion, within: 30}", [("30", "signals.new_champion.within: '30' has no unit; write 30d for days")]),
    ("{changed: champion, within: 30d}", "{changed: champion, within: a month}", [("a month", "signals.new_champion.within: a duration is expected here, not 'a month'; write 7d or 2w")]),
    ("{changed: champion, within: 30d}", "{changed: champion, within: 0d}", [("0d", "signals.new_champion.within: '0d' is too short: 1d is the least")]),
    ("{changed: champion, within: 30d}", "{changed: champion, within: 9999w}", [("9999w", "signals.new_champion.within: '9999w' is too long: 36500d is the most")]),
    ("{changed: champion, within: 30d}", "{changed: champio, within: 30d}", [("champio", "signals.new_champion.changed: no field named 'champio' in mapping.yaml; nearest is 'champion'")]),
    ("{last: any}", "{last: any, within: 7d}", [("within: 7d", "signals.last_seen.within: unknown key 'within'; known: last, property, where")]),
    ("{nth: 3, of: Map Shared}", "{nth: 0, of: Map Shared}", [("0", "signals.third_share.nth: '0' lies outside 1 to 1,000,000")]),
    ("{nth: 3, of: Map Shared}", "{nth: third, of: Map Shared}", [("third", "signals.third_share.nth: a whole number is expected here, not 'third'")]),
    ("{nth: 3, of: Map Shared}", "{nth: 3}", [("{nth: 3", "signals.third_share: 'of' is missing")]),
    ("[Map Drawn, Alert Set], within", "[any, Alert Set], within", [("[any", "signals.active_days.days: any stands alone: it means every product event")]),
    ("features: [mapping, exporting]", "features: [mapping, exprting]", [("exprting", "signals.breadth.features[1]: no feature named 'exprting'; nearest is 'exporting'")]),
    ("features: [mapping, exporting]", "features: [mapping, mapping]", [("mapping", "signals.breadth.features[1]: the feature 'mapping' is named twice")]),
    ("average: Survey Returned, property: score", "average: Survey Returned, property: scor", [("scor", "signals.mean_nps.property: the property 'scor' is not kept in mapping.yaml; nearest is 'score'")]),
    ("average: Survey Returned, property: score", "average: Survey Returned, property: plan", [("plan", "signals.mean_nps.property: the property 'plan' is not kept in mapping.yaml; known: score")]),
    ("average: Survey Returned, property: score", "average: Map Drawn, property: score", [("score", "signals.mean_nps.property: the property 'score' is not kept in mapping.yaml; known: format, plan")]),
    ("average: Survey Returned, property: score", "average: Survey Returned", [("{average: Survey Return", "signals.mean_nps: 'property' is missing")]),
    ("{ratio: weekly_users, to: 28d}", "{ratio: weekly_usrs, to: 28d}", [("weekly_usrs", "signals.trend.ratio: no signal named 'weekly_usrs'; nearest is 'weekly_users'")]),
    ("{ratio: weekly_users, to: 28d}", "{ratio: nps, to: 28d}", [("nps", "signals.trend.ratio: the signal 'nps' is of kind last, which has no ratio; one of count, users, days, features, sum")]),
    ("{ratio: weekly_users, to: 28d}", "{ratio: total_nps, to: 28d}", [("total_nps", "signals.trend.ratio: the signal 'total_nps' has no window; give it `within`")]),
    ("{ratio: weekly_users, to: 28d}", "{ratio: trend, to: 28d}", [("trend", "signals.trend.ratio: the signal 'trend' is of kind ratio, which has no ratio; one of count, users, days, features, sum")]),
    ('where: "priority = \'High\'", within: 14d', "where: priority in (1, 2), within: 14d", [("2)", "signals.urgent_14d.2): unknown key '2)'; inside { } a comma ends a value: put an expression that holds commas in quotes")]),
    # stages
    ("    enter: signed_on <= day\n", "", [("stage: Setup", "stages[0]: stage 'Setup' is the first, so it needs an entry trigger (enter)")]),
    ("    exit: breadth >= 2\n", "", [("stage: Adoption", "stages[1]: stage 'Adoption' has neither an entry trigger (enter) nor an exit criterion (exit)")]),
    ("    exit: first_export is not null\n", "", [("stage: Setup", "stages[0]: stage 'Setup' has no exit criterion (exit); a last stage says `ends: true`")]),
    ("    enter: trend < 0.5\n", "", [("stage: Rescue", "stages[3]: stage 'Rescue' takes over from others, so it needs an entry trigger (enter)")]),
    ("    enter: contract_end < day\n", "    exit: contract_end < day\n", [("stage: Gone", "stages[4]: stage 'Gone' ends the journey, so it needs an entry trigger (enter)"), ("contract_end < day", "stages[4].exit: stage 'Gone' ends the journey, so it has no exit criterion; an account leaves it when its enter no longer holds")]),
    ("    enter: contract_end < day\n    ends: true", "    target: 3d", [("stage: Gone", "stages[4]: stage 'Gone' has neither an entry trigger (enter) nor an exit criterion (exit)")]),
    ("from: [Setup, Adoption]", "from: [Setup, Adopton]", [("Adopton", "stages[3].from[1]: no stage named 'Adopton'; nearest is 'Adoption'")]),
    ("from: [Setup, Adoption]", "from: Adopton", [("Adopton", "stages[3].from: no stage named 'Adopton'; nearest is 'Adoption'")]),
    ("from: [Setup, Adoption]", "from: [any, Adoption]", [("[any", "stages[3].from: any stands alone: it means every other stage")]),
    ("exit: trend > 0.8\n    then: Adoption", "exit: trend > 0.8\n    then: Adaption", [("Adaption", "stages[3].then: no stage named 'Adaption'; nearest is 'Adoption'")]),
    ("- stage: Gone", "- stage: Setup", [("Setup", "stages[4].stage: the name 'Setup' is taken twice")]),
    ("- stage: Gone", "- stage: any", [("any", "stages[4].stage: the name 'any' is built in")]),
    ("- stage: Gone", "- stage: a;b", [("a;b", "stages[4].stage: 'a;b' must not hold a semicolon: names are joined by it in the CRM")]),
    ("ends: true", "ends: yes", [("yes", "stages[4].ends: YAML reads yes as a boolean: quote it, or write true/false")]),
    ("ends: true", "ends: sure", [("sure", "stages[4].ends: true or false is expected here, not 'sure'")]),
    ("touchpoint: First review", "touchpoint: Kick-off", [("Kick-off", "stages[0].touchpoints[1].touchpoint: the name 'Kick-off' is taken twice in this stage")]),
    ("touchpoint: First review", "touchpoint: fire", [("fire", "stages[0].touchpoints[1].touchpoint: the name 'fire' is taken by a moment")]),
    ("due: 0d, ", "", [("{touchpoint: Kick-off", "stages[0].touchpoints[0]: 'due' is missing")]),
    # health
    ("points: [[0, 100], [3, 0]]", "points: [[3, 100], [3, 0]]", [("[3", "health.components[1].points[1]: points must rise, but 3 follows 3")]),
    ("points: [[0, 100], [3, 0]]", "points: [[0, 100], [3, 101]]", [("101", "health.components[1].points[1][1]: '101' lies outside 0 to 100")]),
    ("points: [[0, 100], [3, 0]]", "points: [[0, 100]]", [("[[0", "health.components[1].points: at least two points are expected here, such as [[0, 0], [10, 100]], not one")]),
    ("points: [[0, 100], [3, 0]]", "points: [[0, 100], 3, [1, 2, 3]]", [("3", "health.components[1].points[1]: a point is [value, score], not '3'"), ("[1, 2", "health.components[1].points[2]: a point is [value, score], and this is a list of 3")]),
    ("points: [[0, 100], [3, 0]]", "points: [[0, 100], [x, 3]]", [("x", "health.components[1].points[1][0]: a number is expected here, not 'x'")]),
    ("weight: 3", "weight: 0", [("0", "health.components[0].weight: a weight must be above 0, not 0")]),
    ("stages: [Setup]", "stages: [Setpu]", [("Setpu", "health.components[2].stages[0]: no stage named 'Setpu'; nearest is 'Setup'")]),
    ("missing: 100", "missing: 200", [("200", "health.components[1].missing: '200' lies outside 0 to 100")]),
    ("name: calm", "name: use", [("use", "health.components[1].name: the name 'use' is taken twice")]),
    ("red: 0}", "red: 10}", [("10", "health.bands.red: no band covers scores from 0 to 10; let 'red' begin at 0")]),
    ("red: 0}", "red: 0, gray: 40}", [("40", "health.bands.gray: begins at 40, as 'yellow' does")]),
    ("margin: 3", "min_known: 50", [("50", "health.min_known: '50' lies outside 0 to 1")]),
    # moments
    (", owner: CSM, play: call them", ", owner: CSM", [("{moment: usage_drop", "moments[0]: 'play' is missing: a moment needs something to do about it")]),
    (", owner: CSM, play: call them", ", play: call them", [("{moment: usage_drop", "moments[0]: 'owner' is missing: a moment needs someone who acts on it")]),
    ("when: trend < 0.6, ", "", [("{moment: usage_drop", "moments[0]: 'when' is missing: a moment needs a detection")]),
    ("for: 3d", "for: 0d", [("0d", "moments[0].for: '0d' is too short: 1d is the least")]),
    ("moment: fire", "moment: fire.alarm", [("fire.alarm", "moments[1].moment: 'fire.alarm' must not hold a dot: it becomes moment.NAME")]),
]  # fmt: skip
IDS = [f"{number} {one[2][0][1][:50]}" for number, one in enumerate(MISTAKES)]


@pytest.mark.parametrize(("old", "new", "expected"), MISTAKES, ids=IDS)
def test_a_mistake_is_named_where_it_is(old, new, expected, after, files):
    lines = files[FILE].replace(old, new).splitlines()

    problems = after(FILE, old, new)

    assert [str(one).partition("  ")[2] for one in problems] == [words for _, words in expected]
    for problem, (text, _) in zip(problems, expected, strict=True):
        assert lines[problem.line - 1][problem.column - 1 :].startswith(text)


def test_a_moment_is_unique_among_moments(after):
    problems = after(FILE, "moment: fire", "moment: usage_drop")

    assert [(one.line, one.message) for one in problems] == [
        (74, "the name 'usage_drop' is taken twice")
    ]


def test_what_follows_from_a_mistake_is_not_told_as_well(after):
    """A signal that cannot be read is still a name: those who refer to it did nothing wrong."""
    problems = after(FILE, "{users: any, within: 7d}", "{usres: any, within: 7d}")

    assert [one.where for one in problems] == ["signals.weekly_users"]


def test_what_a_mistake_leaves_unknown_is_not_told_as_missing(after):
    problems = after(FILE, "{users: any, within: 7d}", "{users: any, within: 7}")

    assert [one.where for one in problems] == ["signals.weekly_users.within"]


def test_mistakes_in_many_places_are_told_at_once(write, files):
    """A broken value does not keep the checks between names from being made."""
    text = files[FILE]
    for old, new in [
        ("journey: Landing", "jurney: Landing"),
        ("since: 2025-01-01", "since: soon"),
        ("{changed: champion, within: 30d}", "{changed: champio}"),
        ("exit: first_export is not null", "exot: x"),
        ("then: Adoption\n  - stage: Rescue", "then: Adaption\n  - stage: Rescue"),
        ("weight: 3", "weight: heavy"),
        ("red: 0}", "red: 5}"),
    ]:
        assert old in text
        text = text.replace(old, new)

    _, problems = load_project(write(files | {FILE: text}))

    assert [one.where for one in problems if one.file == FILE] == [
        "",
        "jurney",
        "since",
        "signals.new_champion.changed",
        "stages[0]",
        "stages[0].exot",
        "stages[2].then",
        "health.components[0].weight",
        "health.bands.red",
    ]
    assert [one for one in problems if one.file != FILE] == []


def test_a_moment_needs_all_three_of_detection_owner_and_play(after):
    problems = after(
        FILE, ", when: urgent_14d >= 3, owner: Support, play: https://harbour.example/fire", ""
    )

    assert [one.message.split(":")[0] for one in problems] == [
        "'owner' is missing",
        "'play' is missing",
        "'when' is missing",
    ]
