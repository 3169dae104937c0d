"""What an administrator's rights allow: fields, permission sets, their grants."""

import pytest

DATA = "/services/data/v66.0"
STAGE = {
    "FullName": "Account.New_Stage__c",
    "Metadata": {
        "label": "New Stage", "type": "Picklist",
        "valueSet": {"restricted": True, "valueSetDefinition": {
            "sorted": False, "value": [{"fullName": "A", "label": "A", "default": False}]}},
    },
}  # fmt: skip


def codes(answer):
    return [one["errorCode"] for one in answer.json()]


@pytest.fixture
def settings(world):
    return world.sandbox.salesforce.settings


@pytest.fixture
def granted(salesforce):
    """The id of a permission set that the API user has."""
    me = salesforce("GET", "/services/oauth2/userinfo").json()["user_id"]
    made = salesforce("POST", f"{DATA}/sobjects/PermissionSet", {"Name": "G", "Label": "G"})
    body = {"AssigneeId": me, "PermissionSetId": made.json()["id"]}
    assert salesforce("POST", f"{DATA}/sobjects/PermissionSetAssignment", body).status == 201
    twice = salesforce("POST", f"{DATA}/sobjects/PermissionSetAssignment", body)
    assert codes(twice) == ["DUPLICATE_VALUE"]
    return made.json()["id"]


def grant(salesforce, parent, field, *, read=True, edit=True):
    return salesforce("POST", f"{DATA}/sobjects/FieldPermissions", {
        "ParentId": parent, "SobjectType": "Account", "Field": f"Account.{field}",
        "PermissionsRead": read, "PermissionsEdit": edit,
    })  # fmt: skip


def test_without_the_right_to_customise_nothing_of_tooling_is_served(settings, salesforce):
    settings.may_customize = False
    made = salesforce("POST", f"{DATA}/tooling/sobjects/CustomField", STAGE)
    assert (made.status, codes(made)) == (403, ["INSUFFICIENT_ACCESS"])
    query = {"q": "SELECT Id FROM CustomField"}
    assert salesforce("GET", f"{DATA}/tooling/query", query=query).status == 403


def test_without_the_right_to_grant_there_is_no_permission_set(settings, salesforce):
    settings.may_grant = False
    made = salesforce("POST", f"{DATA}/sobjects/PermissionSet", {"Name": "G", "Label": "G"})
    assert codes(made) == ["INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"]


def test_what_cannot_be_granted(salesforce, granted):
    assert codes(grant(salesforce, granted, "Nowhere__c")) == [
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    ]
    assert codes(grant(salesforce, granted, "CSM__c", read=False)) == ["FIELD_INTEGRITY_EXCEPTION"]
    assert codes(grant(salesforce, granted, "Days_To_Renewal__c")) == ["FIELD_INTEGRITY_EXCEPTION"]
    assert grant(salesforce, granted, "CSM__c", edit=False).status == 201
    assert codes(grant(salesforce, granted, "CSM__c")) == ["DUPLICATE_VALUE"]


def test_a_field_takes_its_time_to_be_known(world, settings, salesforce, granted):
    settings.propagation_seconds = 5
    assert salesforce("POST", f"{DATA}/tooling/sobjects/CustomField", STAGE).status == 201
    assert grant(salesforce, granted, "New_Stage__c").status == 400
    world.sandbox.clock.advance(6)
    made = grant(salesforce, granted, "New_Stage__c", edit=False)
    assert made.status == 201
    path = f"{DATA}/sobjects/FieldPermissions/{made.json()['id']}"
    assert salesforce("PATCH", path, {"PermissionsEdit": True}).status == 204


def test_more_values_leave_a_field_that_was_made_by_hand_as_visible_as_it_was(salesforce):
    query = {"q": "SELECT Id FROM CustomField WHERE DeveloperName = 'Lifecycle_Stage'"}
    (row,) = salesforce("GET", f"{DATA}/tooling/query", query=query).json()["records"]
    path = f"{DATA}/tooling/sobjects/CustomField/{row['Id']}"
    held = salesforce("GET", path).json()["Metadata"]
    assert held["type"] == "Picklist"
    held["valueSet"]["valueSetDefinition"]["value"].append(
        {"fullName": "More", "label": "More", "default": False}
    )
    assert salesforce("PATCH", path, {"Metadata": held}).status == 204
    fields = salesforce("GET", f"{DATA}/sobjects/Account/describe").json()["fields"]
    (stage,) = [one for one in fields if one["name"] == "Lifecycle_Stage__c"]
    assert [one["value"] for one in stage["picklistValues"]][-1] == "More"
    assert stage["restrictedPicklist"]
    held["type"] = "Text"
    refused = salesforce("PATCH", path, {"Metadata": {**held, "length": 80}})
    assert codes(refused) == ["FIELD_INTEGRITY_EXCEPTION"]


def test_hubspot_wants_a_scope_of_its_own_for_properties_and_groups(world, hubspot):
    world.sandbox.app.vendors["hubspot"].settings.missing_scopes = ("crm.schemas.companies.write",)
    made = hubspot("POST", "/crm/v3/properties/companies/groups", {"name": "g", "label": "G"})
    assert made.status == 403
    (said,) = made.json()["errors"]
    assert said["context"]["requiredGranularScopes"] == ["crm.schemas.companies.write"]
    assert hubspot("GET", "/crm/v3/properties/companies").status == 200
