"""What the modules of an object's IOD ask for (PS3.3 Annexes A and C)."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from isocenter.dicom import dictionary, tags
from isocenter.dicom.iod import (
    IOD,
    AttributeRule,
    Clause,
    Module,
    ModuleUse,
    Otherwise,
    Terms,
    Usage,
    modules,
)
from isocenter.dicom.validation.conditions import HAND_WRITTEN, described, is_met
from isocenter.dicom.validation.findings import Findings, Rule
from isocenter.dicom.validation.items import Element, Item

__all__ = [
    "check_items",
    "check_requirements",
    "conditions_changed",
    "is_required",
    "module_of",
    "type_inside",
    "type_of",
]

_STRICTEST_FIRST: Final = ("1", "2", "1C", "2C", "3")
# The table lists the attributes of all kinds of content items, and all macros that may stand in a
# functional group, as if each were needed: structured_report and multi_frame say which are.
_CHOSEN_ELSEWHERE: Final = {"SR Document Content"}
# What says so in its text: it takes the place of the other.
_SUPERSEDING: Final = {("SC Equipment", tags.Modality): "General Series"}
_GROUPS: Final = {
    tags.SharedFunctionalGroupsSequence,
    tags.PerFrameFunctionalGroupsSequence,
}
_MEANINGS: Final = {
    "1": "required and must have a value",
    "2": "required, empty if unknown",
    "1C": "required with a value",
    "2C": "required, empty if unknown",
}


@dataclass(frozen=True, slots=True)
class _Demand:
    """An attribute that a module of the IOD speaks of."""

    module: str
    rule: AttributeRule

    @property
    def clause(self) -> Clause | None:
        by_hand = HAND_WRITTEN.get((self.module, self.rule.tag)) or HAND_WRITTEN.get(
            ("", self.rule.tag)
        )
        return by_hand or (self.rule.condition.clause if self.rule.condition else None)


_Demands = Mapping[int, _Demand]


def check_requirements(item: Item, iod: IOD, findings: Findings) -> None:
    """Look for what is missing, empty, not meant to be there, or has a value that is not listed.

    Parameters
    ----------
    item
        The data set.
    iod
        Its Information Object Definition.
    findings
        Takes what is found.
    """
    _check_item(item, _demands(iod, _modules_present(item.elements, iod)), findings)


def check_items(part: Item, tag: int, iod: IOD | None, findings: Findings) -> None:
    """Look at the items of one sequence as `check_requirements` does.

    Parameters
    ----------
    part
        A data set that has the sequence, or only the sequence.
    tag
        The sequence.
    iod
        The Information Object Definition of the object; None if it is not known. Then only codes
        are looked at, which are the same everywhere (PS3.3 8.8).
    findings
        Takes what is found.
    """
    element = part.get(tag)
    demand = _sequence_demand(tag, _demands(iod, _all_modules(iod)) if iod is not None else {})
    if element is not None and demand is not None:
        _check_items(part, element, demand, findings)


def type_inside(item: Item, tag: int, above: tuple[int, ...], iod: IOD | None) -> str:
    """Return whether an item may be without a value of an attribute, or without the attribute.

    Parameters
    ----------
    item
        The item of a sequence.
    tag
        The attribute.
    above
        The sequences that lead to the item, the outermost first.
    iod
        The Information Object Definition of the object; None if it is not known.

    Returns
    -------
    str
        `1` if it must have a value, `2` if it must be there, `3` if it need not. Conditions that
        are met, or of which that cannot be told, ask for it; so does an item of which nothing is
        known.
    """
    known = _demands_inside(above, iod)
    if known is None:
        return "1"
    demand = known.get(tag)
    if demand is None:
        return "3"
    kind, clause = demand.rule.type, demand.clause
    if kind.endswith("C") and clause is not None and is_met(clause, item, known) is False:
        return "3"
    return kind[0]


def conditions_changed(
    before: Item, after: Item, above: tuple[int, ...], iod: IOD | None
) -> Iterator[tuple[int, bool]]:
    """Yield what an item must have, or may not have, only since something in it changed.

    Parameters
    ----------
    before, after
        The item of a sequence.
    above, iod
        As for `type_inside`.

    Yields
    ------
    tuple of int and bool
        The attribute; True if it must be there, False if it may not.
    """
    known = _demands_inside(above, iod) or {}
    for tag, demand in known.items():
        kind, clause, condition = demand.rule.type, demand.clause, demand.rule.condition
        if clause is None or not kind.endswith("C"):
            continue
        holds = is_met(clause, after, known)
        if holds is None or is_met(clause, before, known) is holds:
            continue
        meant = condition is None or condition.otherwise is Otherwise.ALLOWED
        if holds or not meant:
            yield tag, holds


@lru_cache(maxsize=1024)
def _demands_inside(above: tuple[int, ...], iod: IOD | None) -> _Demands | None:
    """Return what is demanded of the items of a sequence; None if nothing is known of them."""
    around: _Demands = _demands(iod, _all_modules(iod)) if iod is not None else {}
    for tag in above:
        demand = _sequence_demand(tag, around)
        if demand is None or not demand.rule.items:
            return None
        around = _demands_of_items(demand.module, demand.rule)
    return around


def _sequence_demand(tag: int, around: _Demands) -> _Demand | None:
    """Return what is demanded of a sequence; of a code sequence, where nothing else is known."""
    if tag not in around and dictionary.keyword(tag).endswith("CodeSequence"):
        return _codes()
    return around.get(tag)


@cache
def _all_modules(iod: IOD) -> frozenset[str]:
    return frozenset(use.module.name for use in iod.modules)


@cache
def _codes() -> _Demand:
    """Return what is demanded of the items of any code sequence."""
    items = next(
        rule.items
        for module in modules()
        for rule in module.attributes
        if module.name == "General Study" and rule.tag == tags.ProcedureCodeSequence
    )
    rule = AttributeRule(tags.ProcedureCodeSequence, "3", None, (), False, False, items)
    return _Demand("Code Sequence Macro", rule)


def is_required(item: Item, tag: int, iod: IOD) -> tuple[str, str] | None:
    """Tell by which module an object must have an attribute as the condition for it holds.

    Parameters
    ----------
    item
        The data set, as it is to be without a value of it.
    tag
        An attribute of the top level.
    iod
        Its Information Object Definition.

    Returns
    -------
    tuple of str, or None
        The module, and the condition in words; None where it need not be there, or that cannot
        be told.
    """
    demands = _demands(iod, _modules_present(item.elements, iod))
    demand = demands.get(tag)
    if demand is None or demand.rule.type not in ("1C", "2C") or demand.clause is None:
        return None
    if not is_met(demand.clause, item, demands):
        return None
    return demand.module, _condition(demand)


@lru_cache(maxsize=512)
def type_of(tag: int, present: frozenset[int], iod: IOD) -> str:
    """Return the type (PS3.5 7.4) that an object's modules give an attribute; 3 if none has it.

    Parameters
    ----------
    tag
        The attribute.
    present
        The attributes that the object has, by which its optional modules are known.
    iod
        Its Information Object Definition.
    """
    demand = _demands(iod, _modules_present(present, iod)).get(tag)
    return demand.rule.type if demand is not None else "3"


def module_of(tag: int, present: frozenset[int], iod: IOD) -> str:
    """Return the module that gives an attribute its type, empty if none has it; see `type_of`."""
    demand = _demands(iod, _modules_present(present, iod)).get(tag)
    return demand.module if demand is not None else ""


def _modules_present(present: Collection[int], iod: IOD) -> frozenset[str]:
    """Return the modules that must or do take part.

    The standard leaves it to the author whether an optional module is there; it is if one of the
    attributes that it demands, and no other module has, is there; or, if it demands none, any; or,
    if others have all of these, one that is its own.
    """
    return frozenset(
        use.module.name
        for use, own in zip(iod.modules, _own_tags(iod), strict=True)
        if use.usage is Usage.MANDATORY or any(tag in present for tag in own)
    )


@lru_cache(maxsize=256)
def _own_tags(iod: IOD) -> tuple[frozenset[int], ...]:
    count = Counter(rule.tag for use in iod.modules for rule in use.module.attributes)
    return tuple(_own_tags_of(use, count) for use in iod.modules)


def _own_tags_of(use: ModuleUse, count: Mapping[int, int]) -> frozenset[int]:
    rules = use.module.attributes
    demanded = {rule.tag for rule in rules if rule.type in ("1", "2")}
    if not demanded:
        return frozenset(rule.tag for rule in rules)
    own = frozenset(rule.tag for rule in rules if count[rule.tag] == 1)
    # Where others demand the same, as two modules do the shape of a shutter, the rest tells.
    return own & demanded or own


@lru_cache(maxsize=512)
def _demands(iod: IOD, present: frozenset[str]) -> _Demands:
    demands: dict[int, _Demand] = {}
    for use in iod.modules:
        if use.module.name in present:
            for demand in _of_module(use.module):
                known = demands.get(demand.rule.tag)
                demands[demand.rule.tag] = demand if known is None else _stricter(known, demand)
    return demands


def _of_module(module: Module) -> tuple[_Demand, ...]:
    if module.name in _CHOSEN_ELSEWHERE:
        return ()
    return tuple(_Demand(module.name, rule) for rule in module.attributes)


def _stricter(one: _Demand, other: _Demand) -> _Demand:
    """Choose between modules that speak of the same attribute; all of them bind."""
    if _SUPERSEDING.get((other.module, other.rule.tag)) == one.module:
        return other
    chosen = min(one, other, key=lambda demand: _STRICTEST_FIRST.index(demand.rule.type))
    rest = other if chosen is one else one
    rule, terms = chosen.rule, _narrower(chosen.rule.terms, rest.rule.terms)
    items = rule.items or rest.rule.items
    if terms is rule.terms and items is rule.items:
        return chosen
    return _Demand(
        chosen.module,
        AttributeRule(rule.tag, rule.type, rule.condition, terms, rule.single_item, rule.any_item,
                      items),
    )  # fmt: skip


def _narrower(one: tuple[Terms, ...], other: tuple[Terms, ...]) -> tuple[Terms, ...]:
    """Choose between the lists of two modules: enumerated before defined, few before many."""
    if not (one and other):
        return one or other
    return min(
        one, other, key=lambda lists: (not lists[0].enumerated, sum(len(of.terms) for of in lists))
    )


@lru_cache(maxsize=4096)
def _demands_of_items(module: str, rule: AttributeRule) -> _Demands:
    optional = rule.tag in _GROUPS
    return {
        inner.tag: _Demand(module, _as_optional(inner) if optional else inner)
        for inner in rule.items
    }


def _as_optional(rule: AttributeRule) -> AttributeRule:
    return AttributeRule(
        rule.tag, "3", None, rule.terms, rule.single_item, rule.any_item, rule.items
    )


def _check_item(item: Item, demands: _Demands, findings: Findings) -> None:
    for tag, demand in demands.items():
        element = item.elements.get(tag)
        if element is None:
            if demand.rule.type != "3":
                _check_absent(item, demand, demands, findings)
        else:
            _check_present(item, element, demand, demands, findings)


def _check_absent(item: Item, demand: _Demand, demands: _Demands, findings: Findings) -> None:
    kind, clause = demand.rule.type, demand.clause
    if kind in ("1C", "2C") and (clause is None or not is_met(clause, item, demands)):
        return
    empty = ", empty if it is unknown" if kind.startswith("2") else ""
    findings.error(item, demand.rule.tag, Rule.MISSING, "missing", _MEANINGS[kind],
                   f"Add {dictionary.name(demand.rule.tag)}{empty}",
                   module=demand.module, condition=_condition(demand))  # fmt: skip


def _condition(demand: _Demand) -> str:
    kind, clause = demand.rule.type, demand.clause
    if kind.endswith("C") and clause is not None:
        return f"Type {kind}, required if {described(clause)}"
    return f"Type {kind}"


def _check_present(
    item: Item, element: Element, demand: _Demand, demands: _Demands, findings: Findings
) -> None:
    if demand.rule.type == "1" and element.is_empty:
        findings.error(item, element.tag, Rule.EMPTY, "no value", _MEANINGS["1"], "Give a value",
                       module=demand.module, condition="Type 1")  # fmt: skip
    elif demand.rule.type in ("1C", "2C"):
        _check_conditional(item, element, demand, demands, findings)
    for terms in demand.rule.terms:
        _check_terms(item, element, demand, terms, findings)
    if element.items is not None:
        _check_items(item, element, demand, findings)


def _check_conditional(
    item: Item, element: Element, demand: _Demand, demands: _Demands, findings: Findings
) -> None:
    if demand.rule.type == "1C" and element.is_empty:
        findings.error(item, element.tag, Rule.EMPTY, "no value", "a value, or no such attribute",
                       "Give a value or leave it out",
                       module=demand.module, condition=_condition(demand))  # fmt: skip
        return
    known = demand.rule.condition
    if known is None or known.otherwise is Otherwise.ALLOWED or demand.clause is not known.clause:
        return
    if is_met(known.clause, item, demands) is False:
        note = findings.error if known.otherwise is Otherwise.FORBIDDEN else findings.warning
        note(item, element.tag, Rule.UNEXPECTED, "present", "absent, as its condition is not met",
             "Leave it out", module=demand.module, condition=_condition(demand))  # fmt: skip


def _check_items(item: Item, element: Element, demand: _Demand, findings: Findings) -> None:
    items = element.items or ()
    if demand.rule.any_item and not items and demand.rule.type in ("1C", "3"):
        findings.error(item, element.tag, Rule.ITEMS, "no items", "one or more items",
                       "Add an item, or leave the sequence out", module=demand.module)  # fmt: skip
    if demand.rule.single_item and len(items) > 1:
        findings.error(item, element.tag, Rule.ITEMS, f"{len(items)} items", "a single item",
                       "Keep one item", module=demand.module)  # fmt: skip
    if demand.rule.items:
        inner = _demands_of_items(demand.module, demand.rule)
        for part in items:
            _check_item(part, inner, findings)


def _check_terms(
    item: Item, element: Element, demand: _Demand, terms: Terms, findings: Findings
) -> None:
    values = [str(value) for value in element.values]
    if terms.number:
        values = values[terms.number - 1 : terms.number]
    for value in values:
        if value and value not in terms.terms:
            note = findings.error if terms.enumerated else findings.warning
            which = "one of" if terms.enumerated else "a defined term:"
            expected = f"{which} {', '.join(terms.terms)}"
            note(item, element.tag, Rule.TERM, repr(value[:64]), expected,
            "Use one of these values", module=demand.module)  # fmt: skip
