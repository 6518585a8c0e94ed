"""The counting rules once more, as SQL over claims and the closure of the unit tree."""

from __future__ import annotations

from kieng.kpi.v1 import catalogue_pb2
from kieng.submissions.v1 import facts_pb2

DENOMINATOR = 720720
_RULES = catalogue_pb2

CLAIMS_TABLE = """
CREATE TABLE claims (run BIGINT, work VARCHAR, sub VARCHAR, measure VARCHAR, unit VARCHAR,
    is_lead BOOLEAN, share BIGINT, rank INTEGER, type VARCHAR, facts JSON)
"""

LOAD_CLAIMS = """
INSERT INTO claims
SELECT (c->>'run')::BIGINT, c->>'work', c->>'sub', c->>'measure', c->>'unit',
    (c->>'is_lead')::BOOLEAN, (c->>'share')::BIGINT, (c->>'rank')::INTEGER, c->>'type', c->'facts'
FROM (SELECT unnest(from_json(?::JSON, '["JSON"]')) AS c)
"""

# Claims that call the work what its strongest claim calls it.
COUNTED = """
CREATE TABLE counted AS
SELECT claims.*, here.institution,
    coalesce((facts->>'unit_authors')::BIGINT, 1) AS authors
FROM claims
JOIN (SELECT run, work, measure, arg_min(type, (rank, sub)) AS work_type
      FROM claims GROUP BY ALL) USING (run, work, measure)
JOIN (SELECT DISTINCT unit, institution FROM closure) AS here ON here.unit = claims.unit
WHERE type = work_type
"""


def component(definition: catalogue_pb2.Component) -> str:
    """Return the query of one component's cells: run, measure, unit, month, member, value."""
    leaves = definition.until not in ("", "never")
    end = f"({_date(definition.until)})" if leaves else "CAST(NULL AS VARCHAR)"
    tests = " AND ".join(_test(definition.type, condition) for condition in definition.where)
    return f"""
    WITH works AS (
        SELECT run, work, measure,
            {_date(definition.date)} AS begin_on, {end} AS end_on,
            {_settled(definition.amount)}::BIGINT AS amount,
            {_settled(definition.member)} AS member,
            {_settled("payer_unit_id")} AS payer
        FROM counted WHERE type = '{definition.type}'
        GROUP BY run, work, measure
        HAVING begin_on IS NOT NULL AND ({tests or "true"})
    ),
    parts AS ({_PARTS[definition.rule]}),
    moved AS (
        SELECT run, measure, above, begin_on[:7] AS month, member, value FROM parts
        UNION ALL
        SELECT run, measure, above, greatest(begin_on[:7], end_on[:7]), member, -value
        FROM parts WHERE end_on IS NOT NULL
    )
    SELECT run, measure, above, month, member, sum(value)::HUGEINT FROM moved
    GROUP BY run, measure, above, month, member HAVING sum(value) <> 0
    """


def _settled(field: str) -> str:
    """SQL of the fact of the strongest claim that has it."""
    if not field:
        return "NULL"
    value = f"(facts->>'{field}')"
    return f"arg_min({value}, (rank, sub)) FILTER ({value} IS NOT NULL)"


def _date(field: str) -> str:
    """SQL of the one date of a work: a registry's, else the earliest."""
    value = f"(facts->>'{field}')"
    registry = f"arg_min({value}, (rank, sub)) FILTER (rank = 1 AND {value} IS NOT NULL)"
    return f"coalesce({registry}, min({value}))"


def _test(type_name: str, condition: catalogue_pb2.Condition) -> str:
    kind = condition.WhichOneof("test")
    if condition.field == "institutions":
        # Those that claim, united with those that any claim names.
        items = (
            "list_distinct(list_concat(list(institution), "
            "flatten(list(coalesce(facts->>'$.institutions[*]', [])))))"
        )
        count = f"len(list_filter({items}, lambda x: x IS NOT NULL))"
        return f"{count} >= {condition.at_least}"
    message = facts_pb2.Facts.DESCRIPTOR.fields_by_name[type_name].message_type
    assert message is not None
    field = message.fields_by_name[condition.field]
    value = _settled(condition.field)
    if kind == "present":
        return f"({value} IS NOT NULL) = {'true' if condition.present else 'false'}"
    if kind == "at_least":
        return f"coalesce(({value})::BIGINT, 0) >= {condition.at_least}"
    if field.is_repeated:
        raise NotImplementedError("no indicator asks for the items of a list")
    word = f"lower(regexp_replace({value}, '^[A-Z]+_', ''))" if field.enum_type else value
    words = condition.any_of.values if kind == "any_of" else condition.none_of.values
    listed = ", ".join(f"'{w}'" for w in words)
    is_one = f"coalesce({word} IN ({listed}), false)"
    return is_one if kind == "any_of" else f"NOT {is_one}"


_WHOLE = """
    SELECT DISTINCT run, work, measure, above, begin_on, end_on, '' AS member, 1 AS value
    FROM works JOIN counted USING (run, work, measure) JOIN closure USING (unit)
"""

_LEAD = """
    SELECT run, measure, above, begin_on, end_on, '' AS member, 1 AS value
    FROM works
    JOIN (SELECT run, work, measure, arg_min(unit, (rank, sub)) AS unit FROM counted
          WHERE is_lead GROUP BY ALL) USING (run, work, measure)
    JOIN closure USING (unit)
"""

_DISTINCT = """
    SELECT run, measure, above, begin_on, end_on, works.member, 1 AS value
    FROM works JOIN counted USING (run, work, measure) JOIN closure USING (unit)
    WHERE works.member IS NOT NULL
"""


def _shared(amount: str, *, netted: bool) -> str:
    """SQL that splits an amount by largest remainder: declared shares, else by institution."""
    kept = "payer IS NULL OR above NOT IN (SELECT c.above FROM closure AS c WHERE c.unit = payer)"
    return f"""
    SELECT run, measure, above, begin_on, end_on, '' AS member, part AS value
    FROM (
        SELECT *, floor_part + CASE WHEN row_number() OVER (
            PARTITION BY run, work, measure ORDER BY remainder DESC, rank, sub
        ) <= total - sum(floor_part) OVER (PARTITION BY run, work, measure)
        THEN 1 ELSE 0 END AS part
        FROM (
            SELECT *, (total * top) // bottom AS floor_part,
                ((total * top) % bottom) * 1000000000000 // bottom AS remainder
            FROM (
                SELECT works.*, sub, rank, unit, ({amount})::HUGEINT AS total,
                    (CASE WHEN bool_and(share > 0) OVER w THEN share
                        ELSE authors END)::HUGEINT AS top,
                    (CASE WHEN bool_and(share > 0) OVER w THEN sum(share) OVER w
                        ELSE sum(authors) OVER i * institutions END)::HUGEINT AS bottom
                FROM works JOIN counted USING (run, work, measure)
                JOIN (SELECT run, work, measure,
                          count(DISTINCT coalesce(institution, '-')) AS institutions
                      FROM counted GROUP BY ALL) USING (run, work, measure)
                WINDOW w AS (PARTITION BY run, work, measure),
                       i AS (PARTITION BY run, work, measure, institution)
            ) WHERE total IS NOT NULL
        )
    ) AS split
    JOIN closure USING (unit)
    WHERE {kept if netted else "true"}
    """


_PARTS = {
    _RULES.COUNTING_RULE_WHOLE: _WHOLE,
    _RULES.COUNTING_RULE_LEAD: _LEAD,
    _RULES.COUNTING_RULE_DISTINCT: _DISTINCT,
    _RULES.COUNTING_RULE_FRACTION: _shared(str(DENOMINATOR), netted=False),
    _RULES.COUNTING_RULE_MONEY_RECEIVED: _shared("amount", netted=True),
}
