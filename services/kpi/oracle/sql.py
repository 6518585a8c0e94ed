"""The oracle's counting rules, as SQL over the claims and the ancestors of every unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kieng.kpi.v1 import catalogue_pb2
from kieng.submissions.v1 import facts_pb2
from services.kpi.oracle import facts

DENOMINATOR = 720720
SCALE = 10**24
"""Of remainders, which differ by more than its inverse; times a bottom it fits a HUGEINT."""
NO_END = "9999-99-99"
_RULES = catalogue_pb2
Taxonomies = Mapping[str, catalogue_pb2.Taxonomy]

CLAIMS_TABLE = """
CREATE TABLE claims (run BIGINT, work VARCHAR, sub VARCHAR, owner VARCHAR, measure VARCHAR,
    unit VARCHAR, is_lead BOOLEAN, share BIGINT, since BIGINT, rank INTEGER, type VARCHAR,
    facts JSON)
"""

TAXONOMY_TABLES = """
CREATE TABLE terms (taxonomy VARCHAR, code VARCHAR, since VARCHAR, till VARCHAR);
CREATE TABLE links (taxonomy VARCHAR, source VARCHAR, target VARCHAR, since VARCHAR, till VARCHAR)
"""

LOAD_CLAIMS = """
INSERT INTO claims
SELECT (c->>'run')::BIGINT, c->>'work', c->>'sub', c->>'owner', c->>'measure', c->>'unit',
    (c->>'is_lead')::BOOLEAN, (c->>'share')::BIGINT, (c->>'since')::BIGINT,
    (c->>'rank')::INTEGER, c->>'type', c->'facts'
FROM (SELECT unnest(from_json(?::JSON, '["JSON"]')) AS c)
"""

# Claims of the same type as the leading claim of their work, each with the leading claim's facts.
COUNTED = """
CREATE TABLE counted AS
SELECT claims.*, led, here.institution,
    coalesce((facts->>'unit_authors')::BIGINT, 1) AS authors
FROM claims
JOIN (SELECT run, work, measure, arg_min(type, (since, rank, sub, owner)) AS work_type,
          arg_min(facts, (since, rank, sub, owner)) AS led
      FROM claims GROUP BY ALL) USING (run, work, measure)
JOIN (SELECT DISTINCT unit, institution FROM closure) AS here ON here.unit = claims.unit
WHERE type = work_type
"""

TYPES = "SELECT DISTINCT type FROM counted"

# The same claims, each turned into a work of its own. The lengths keep apart what only looks alike
# when it is put together, because keys and ids may contain any character.
ALONE = """
CREATE VIEW alone AS
SELECT * REPLACE (concat_ws('/', length(work), length(sub), work, sub, owner) AS work, facts AS led)
FROM counted
"""


def component(definition: catalogue_pb2.Component, cut: str, taxonomies: Taxonomies) -> str:
    """Return the SQL query for all cells of a component: run, measure, unit, month, member, value.

    Args:
        definition: the component.
        cut: name of the cut by which its cells are split; empty for the whole.
        taxonomies: code -> taxonomy.
    """
    source = "alone" if definition.rule == _RULES.COUNTING_RULE_CLAIMS else "counted"
    leaves = definition.until not in ("", "never")
    end = f"({facts.settled(definition.until)})" if leaves else "CAST(NULL AS VARCHAR)"
    tests = " AND ".join(_test(definition.type, condition) for condition in definition.where)
    of_type = "true" if definition.type == "any" else f"type = '{definition.type}'"
    own, other, placed = _cut(definition.type, cut, taxonomies)
    member = "CASE member WHEN '' THEN term ELSE term || '|' || member END" if cut else "member"
    return f"""
    WITH said AS (SELECT * FROM {source} WHERE {of_type}),
    works AS (
        SELECT run, work, measure,
            {_begin(definition)} AS begin_on, {end} AS end_on,
            {_amount(definition)} AS amount,
            {facts.member(definition.type, definition.member)} AS member,
            {facts.settled("payer_unit_id")} AS payer,
            {own} AS own, {other} AS other
        FROM said GROUP BY run, work, measure
        HAVING begin_on IS NOT NULL AND ({tests or "true"})
    ),
    parts AS ({_parts(definition)}),
    {placed}
    split AS (
        SELECT * REPLACE ({member} AS member) FROM parts
        {"JOIN placed USING (run, work, measure)" if cut else ""}
    ),
    moved AS (
        SELECT run, measure, above, begin_on[:7] AS month, member, value FROM split
        UNION ALL
        SELECT run, measure, above, greatest(begin_on[:7], end_on[:7]), member, -value
        FROM split WHERE end_on IS NOT NULL
    )
    SELECT run, measure, above, month, member, sum(value)::HUGEINT FROM moved
    GROUP BY run, measure, above, month, member HAVING sum(value) <> 0
    """


def _begin(definition: catalogue_pb2.Component) -> str:
    """Return the SQL for the day from which a work counts; NULL if a needed date is missing."""
    first = facts.settled(definition.date)
    if not definition.not_before:
        return first
    second = facts.settled(definition.not_before)
    # If one of them is NULL, neither comparison is true and the result is NULL.
    return f"CASE WHEN {first} > {second} THEN {first} WHEN {first} <= {second} THEN {second} END"


def _amount(definition: catalogue_pb2.Component) -> str:
    if not definition.amount:
        return str(DENOMINATOR)
    amount = f"({facts.settled(definition.amount)})::HUGEINT"
    return (
        f"{amount} * ({facts.settled(definition.times)})::HUGEINT" if definition.times else amount
    )


def _test(type_name: str, condition: catalogue_pb2.Condition) -> str:
    kind = condition.WhichOneof("test")
    value = facts.settled(condition.field)
    if kind == "present":
        set_ = f"{value} IS NOT NULL"
        if condition.field == "institutions":
            set_ = f"len({facts.INSTITUTIONS}) > 0"
        return f"({set_}) = {'true' if condition.present else 'false'}"
    if kind == "at_least":
        return f"{facts.size(type_name, condition.field)} >= {condition.at_least}"
    if kind == "within":
        after = facts.settled(condition.within.after)
        limit = f"TRY_CAST({after} AS DATE) + {condition.within.days}"
        return f"coalesce(TRY_CAST({value} AS DATE) <= {limit}, false)"
    if kind == "minimum":
        cases = " ".join(f"WHEN '{t}' THEN {n}" for t, n in condition.minimum.of_type.items())
        limit = f"{condition.minimum.otherwise}"
        limit = f"CASE any_value(type) {cases} ELSE {limit} END" if cases else limit
        return f"{facts.size(type_name, condition.field)} >= {limit}"
    words = condition.any_of.values if kind == "any_of" else condition.none_of.values
    items = facts.items_of(type_name, condition.field)
    items = f"list_filter({items}, lambda x: x IN ({_listed(words)}))"
    return f"coalesce(len({items}), 0) {'>' if kind == 'any_of' else '='} 0"


def _listed(words: Iterable[str]) -> str:
    quoted = (word.replace("'", "''") for word in words)
    return ", ".join(f"'{word}'" for word in quoted)


def _cut(type_name: str, cut: str, taxonomies: Taxonomies) -> tuple[str, str, str]:
    """Return three SQL expressions: a work's words in a cut, their substitutes, and its terms."""
    if not cut:
        return "NULL", "NULL", ""
    message = facts_pb2.Facts.DESCRIPTOR.fields_by_name[type_name].message_type
    assert message is not None
    fields = message.fields_by_name
    if cut not in taxonomies:
        is_flag = cut in fields and fields[cut].type == fields[cut].TYPE_BOOL
        rest = "false" if is_flag else "unclassified"
        return facts.terms(type_name, cut), "NULL", _placed("own_words", rest)
    taxonomy = taxonomies[cut]
    other = taxonomies[taxonomy.derived_from].fact if taxonomy.derived_from else ""
    own_words = (
        facts.terms(type_name, taxonomy.fact) if taxonomy.fact in fields else "NULL::VARCHAR[]"
    )
    other_words = facts.terms(type_name, other) if other in fields else "NULL::VARCHAR[]"
    named = f"""
        SELECT run, work, measure, code AS term FROM (
            SELECT * FROM own_words
            UNION ALL
            SELECT run, work, measure, begin_on, target AS term
            FROM (SELECT *, unnest(other) AS word FROM works WHERE own IS NULL)
            JOIN links ON taxonomy = '{cut}' AND source = word AND begin_on BETWEEN since AND till
        ) JOIN terms ON taxonomy = '{cut}' AND code = term AND begin_on BETWEEN since AND till
    """
    return own_words, other_words, _placed(f"({named})", "unclassified")


def _placed(named: str, rest: str) -> str:
    return f"""
    own_words AS (SELECT run, work, measure, begin_on, unnest(own) AS term FROM works),
    named AS (SELECT DISTINCT run, work, measure, term FROM {named}),
    placed AS (
        SELECT * FROM named
        UNION ALL
        SELECT run, work, measure, '{rest}' FROM works
        WHERE (run, work, measure) NOT IN (SELECT (run, work, measure) FROM named)
    ),
    """


_WHOLE = """
    SELECT DISTINCT run, work, measure, above, begin_on, end_on, '' AS member, 1 AS value
    FROM works JOIN said USING (run, work, measure) JOIN closure USING (unit)
"""

_LEAD = """
    SELECT run, work, measure, above, begin_on, end_on, '' AS member, 1 AS value
    FROM works
    JOIN (SELECT run, work, measure, arg_min(unit, (since, rank, sub, owner)) AS unit FROM said
          WHERE is_lead GROUP BY ALL) USING (run, work, measure)
    JOIN closure USING (unit)
"""

_DISTINCT = """
    SELECT run, work, measure, above, begin_on, end_on, works.member, 1 AS value
    FROM works JOIN said USING (run, work, measure) JOIN closure USING (unit)
    WHERE works.member IS NOT NULL
"""


def _parts(definition: catalogue_pb2.Component) -> str:
    rule = definition.rule
    plain = {
        _RULES.COUNTING_RULE_WHOLE: _WHOLE,
        # Reads the view `alone`, in which each claim is the only one of its work.
        _RULES.COUNTING_RULE_CLAIMS: _WHOLE,
        _RULES.COUNTING_RULE_LEAD: _LEAD,
        _RULES.COUNTING_RULE_DISTINCT: _DISTINCT,
    }
    return plain[rule] if rule in plain else _shared(rule == _RULES.COUNTING_RULE_MONEY_RECEIVED)


def _shared(netted: bool) -> str:
    """Return the SQL that splits an amount by largest remainder, by declared or else equal shares.

    Args:
        netted: whether shares are left out where the payer is below the same unit.
    """
    kept = "payer IS NULL OR above NOT IN (SELECT c.above FROM closure AS c WHERE c.unit = payer)"
    return f"""
    SELECT run, work, measure, above, begin_on, end_on, '' AS member, part AS value
    FROM (
        SELECT *, floor_part + CASE WHEN row_number() OVER (
            PARTITION BY run, work, measure ORDER BY remainder DESC, since, rank, sub, owner
        ) <= total - sum(floor_part) OVER (PARTITION BY run, work, measure)
        THEN 1 ELSE 0 END AS part
        FROM (
            SELECT *, (total * top) // bottom AS floor_part,
                ((total * top) % bottom) * {SCALE} // bottom AS remainder
            FROM (
                SELECT works.*, sub, owner, since, rank, unit, amount::HUGEINT AS total,
                    (CASE WHEN bool_and(share > 0) OVER w THEN share
                        ELSE authors END)::HUGEINT AS top,
                    (CASE WHEN bool_and(share > 0) OVER w THEN sum(share) OVER w
                        ELSE sum(authors) OVER i * institutions END)::HUGEINT AS bottom
                FROM works JOIN said USING (run, work, measure)
                JOIN (SELECT run, work, measure,
                          count(DISTINCT coalesce(institution, '-')) AS institutions
                      FROM said GROUP BY ALL) USING (run, work, measure)
                WINDOW w AS (PARTITION BY run, work, measure),
                       i AS (PARTITION BY run, work, measure, institution)
            ) WHERE total IS NOT NULL
        )
    ) AS split
    JOIN closure USING (unit)
    WHERE {kept if netted else "true"}
    """
