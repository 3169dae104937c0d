"""What describe says of objects and fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core.http import Call, JsonDict, Reply
from sandbox.salesforce.errors import not_found
from sandbox.salesforce.schema import NUMBER_TYPES, Field, SObject

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

_SOAP_TYPES = {
    "id": "tns:ID", "reference": "tns:ID", "boolean": "xsd:boolean", "int": "xsd:int",
    "double": "xsd:double", "currency": "xsd:double", "percent": "xsd:double", "date": "xsd:date",
    "datetime": "xsd:dateTime", "address": "urn:address", "anyType": "xsd:anyType",
}  # fmt: skip
_SYSTEM = frozenset({"Id", "IsDeleted", "LastActivityDate", "MasterRecordId", "SystemModstamp"})
_MASTER_RECORD_TYPE = "012000000000000AAA"


class Describe:
    """The global list, one object's summary and its whole description, as this user sees it."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def everything(self, call: Call) -> Reply:
        version = call.params["version"]
        found = [summary(obj, version) for obj in self._org.objects.values()]
        return Reply.of_json({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": found})

    def basic(self, call: Call) -> Reply:
        obj = self._object(call)
        return Reply.of_json(
            {"objectDescribe": summary(obj, call.params["version"]), "recentItems": []}
        )

    def full(self, call: Call) -> Reply:
        obj = self._object(call)
        fields = [field_shown(f) for f in self._org.fields(obj, call.user).values()]
        record_type = {
            "active": True, "available": True, "defaultRecordTypeMapping": True,
            "developerName": "Master", "master": True, "name": "Master",
            "recordTypeId": _MASTER_RECORD_TYPE,
            "urls": {"layout": f"/services/data/v{call.params['version']}/sobjects/{obj.name}"
                               f"/describe/layouts/{_MASTER_RECORD_TYPE}"},
        }  # fmt: skip
        return Reply.of_json({
            **summary(obj, call.params["version"]),
            "childRelationships": self._children(obj), "fields": fields,
            "recordTypeInfos": [record_type], "actionOverrides": [], "namedLayoutInfos": [],
            "supportedScopes": [{"label": f"All {obj.plural}", "name": "everything"}],
        })  # fmt: skip

    def _object(self, call: Call) -> SObject:
        found = self._org.objects.get(call.params["object"])
        if found is None:
            raise not_found()
        return found

    def _children(self, obj: SObject) -> list[JsonDict]:
        return [
            {"childSObject": other.name, "field": f.name, "relationshipName": other.plural,
             "cascadeDelete": False, "deprecatedAndHidden": False, "restrictedDelete": False,
             "junctionIdListNames": [], "junctionReferenceTo": []}
            for other in self._org.objects.values()
            for f in other.fields.values()
            if f.reference_to == obj.name
        ]  # fmt: skip


def summary(obj: SObject, version: str) -> JsonDict:
    """An object as the global list has it."""
    url = f"/services/data/v{version}/sobjects/{obj.name}"
    return {
        "activateable": False, "createable": obj.createable, "custom": obj.custom,
        "customSetting": False, "deepCloneable": False, "deletable": obj.updateable,
        "deprecatedAndHidden": False, "feedEnabled": False, "hasSubtypes": False,
        "isInterface": False, "isSubtype": False, "keyPrefix": obj.prefix,
        "label": obj.label or obj.name, "labelPlural": obj.plural or obj.name, "layoutable": True,
        "mergeable": obj.name in ("Account", "Contact", "Case"), "mruEnabled": True,
        "name": obj.name, "queryable": True, "replicateable": True, "retrieveable": True,
        "searchable": True, "triggerable": True, "undeletable": True, "updateable": obj.updateable,
        "urls": {"sobject": url, "describe": f"{url}/describe", "rowTemplate": f"{url}/{{ID}}"},
    }  # fmt: skip


def field_shown(field: Field) -> JsonDict:
    """A field with the keys that describe gives it."""
    is_text = field.type not in NUMBER_TYPES | {"boolean", "date", "datetime"}
    is_list = field.type in ("picklist", "multipicklist")
    picks = [
        {"active": True, "defaultValue": False, "label": v, "validFor": None, "value": v}
        for v in field.values
    ]
    calculated = field.formula is not None
    return {
        "aggregatable": field.filterable, "aiPredictionField": False, "autoNumber": False,
        "byteLength": field.length * 3 if is_text else 0, "calculated": calculated,
        "calculatedFormula": "Contract_End__c - TODAY()" if calculated else None,
        "cascadeDelete": False, "caseSensitive": False, "compoundFieldName": None,
        "controllerName": None, "createable": field.createable and not calculated,
        "custom": field.custom, "defaultValue": field.default,
        "defaultValueFormula": None, "defaultedOnCreate": field.default is not None,
        "dependentPicklist": False, "deprecatedAndHidden": False,
        "digits": field.precision if field.type == "int" else 0, "displayLocationInDecimal": False,
        "encrypted": False, "externalId": field.external_id, "extraTypeInfo": None,
        "filterable": field.filterable, "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False, "groupable": is_text and field.filterable,
        "highScaleNumber": False, "htmlFormatted": False, "idLookup": field.name == "Id",
        "inlineHelpText": None, "label": field.shown_label, "length": field.length,
        "mask": None, "maskType": None, "name": field.name, "nameField": field.name == "Name",
        "namePointing": False, "nillable": field.nillable,
        "permissionable": (field.nillable or (field.custom and field.type == "boolean"))
        and field.name not in _SYSTEM,
        "picklistValues": picks if is_list else [], "polymorphicForeignKey": False,
        "precision": field.precision, "queryByDistance": False, "referenceTargetField": None,
        "referenceTo": [field.reference_to] if field.reference_to else [],
        "relationshipName": field.relationship or None, "relationshipOrder": None,
        "restrictedDelete": False, "restrictedPicklist": field.restricted, "scale": field.scale,
        "searchPrefilterable": False, "soapType": _SOAP_TYPES.get(field.type, "xsd:string"),
        "sortable": field.filterable and field.type != "multipicklist", "type": field.type,
        "unique": field.unique, "updateable": field.updateable and not calculated,
        "writeRequiresMasterRead": False,
    }  # fmt: skip
