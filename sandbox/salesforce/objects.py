"""The objects of the sandbox's org: standard ones as far as onboarding needs them, and our own."""

from __future__ import annotations

from typing import Any

from sandbox.salesforce.schema import (
    Field,
    SObject,
    boolean,
    number,
    picklist,
    read_only,
    reference,
    sobject,
    text,
)

STAGE_VALUES = ("Onboarding", "Adoption", "Value", "Expansion", "Renewal", "Churned")
BAND_VALUES = ("green", "yellow", "red")


def _days_to_renewal(record: dict[str, Any], today: Any) -> Any:
    """A formula over TODAY(): changes every day and moves no stamp."""
    end = record.get("Contract_End__c")
    return None if end is None else float((end - today).days)


def account() -> SObject:
    """Account, with the admin's own fields."""
    return sobject(
        "Account", "001",
        text("Name", nillable=False, tracked=True),
        picklist("Type", "Prospect", "Customer", "Partner", tracked=True),
        reference("ParentId", "Account", "Parent"),
        reference("OwnerId", "User", "Owner", nillable=False, tracked=True),
        picklist("Industry", "Technology", "Healthcare", "Finance", "Retail", "Energy"),
        Field("AnnualRevenue", "currency", precision=18, scale=0),
        Field("NumberOfEmployees", "int", precision=8),
        Field("Website", "url", length=255),
        Field("Phone", "phone", length=40),
        Field("Description", "textarea", length=32000, filterable=False),
        read_only(Field("BillingAddress", "address", filterable=False)),
        text("BillingCity", 40), text("BillingCountry", 80),
        read_only(Field("LastActivityDate", "date")),
        read_only(reference("MasterRecordId", "Account", "MasterRecord")),
        Field("Contract_Signed__c", "date", tracked=True),
        Field("Contract_End__c", "date", tracked=True),
        number("Licensed_Seats__c", 8, tracked=True),
        picklist("Segment__c", "Enterprise", "Mid-market", "Small", tracked=True),
        text("Workspace_Id__c", 64, external_id=True),
        Field("Kickoff_Held__c", "date"),
        Field("Last_Renewed__c", "date"),
        text("Champion__c", tracked=True), text("CSM__c"),
        picklist("Lifecycle_Stage__c", *STAGE_VALUES, restricted=True, tracked=True),
        Field("Stage_Entered__c", "date"),
        number("TTV_Days__c", 8),
        number("Health_Score__c", 4, 1),
        picklist("Health_Band__c", *BAND_VALUES),
        boolean("Usage_Cliff__c"),
        Field("Alerts__c", "multipicklist", length=4099),
        text("Next_Step__c"), Field("Next_Step_Due__c", "date"),
        read_only(Field("Days_To_Renewal__c", "double", precision=18, formula=_days_to_renewal)),
        label="Account", plural="Accounts", history="AccountHistory",
    )  # fmt: skip


def people_and_deals() -> list[SObject]:
    """Contacts, opportunities and their roles."""
    return [
        sobject(
            "Contact", "003",
            reference("AccountId", "Account", "Account"),
            text("FirstName", 40), text("LastName", 80, nillable=False),
            read_only(text("Name", 121)),
            Field("Email", "email", length=80),
            text("Title", 128),
            reference("OwnerId", "User", "Owner", nillable=False),
            read_only(reference("MasterRecordId", "Contact", "MasterRecord")),
            label="Contact", plural="Contacts", history="ContactHistory",
        ),
        sobject(
            "Opportunity", "006",
            reference("AccountId", "Account", "Account"),
            text("Name", 120, nillable=False),
            picklist("StageName", "Prospecting", "Negotiation", "Closed Won", "Closed Lost",
                     nillable=False),
            Field("CloseDate", "date", nillable=False),
            Field("Amount", "currency", precision=18, scale=2),
            Field("Probability", "percent", precision=3),
            picklist("Type", "New Business", "Renewal", "Expansion"),
            read_only(boolean("IsClosed")), read_only(boolean("IsWon")),
            reference("OwnerId", "User", "Owner", nillable=False),
            label="Opportunity", plural="Opportunities",
        ),
        sobject(
            "OpportunityContactRole", "00K",
            reference("OpportunityId", "Opportunity", "Opportunity", updateable=False),
            reference("ContactId", "Contact", "Contact"),
            picklist("Role", "Decision Maker", "Economic Buyer", "Executive Sponsor"),
            boolean("IsPrimary"),
            label="Opportunity Contact Role", plural="Opportunity Contact Roles",
        ),
    ]  # fmt: skip


def work() -> list[SObject]:
    """Cases, tasks and the custom survey object."""
    return [
        sobject(
            "Case", "500",
            reference("AccountId", "Account", "Account"),
            reference("ContactId", "Contact", "Contact"),
            read_only(text("CaseNumber", 30, nillable=False)),
            text("Subject"),
            picklist("Status", "New", "Working", "Escalated", "Closed"),
            picklist("Priority", "High", "Medium", "Low"),
            picklist("Origin", "Web", "Email", "Phone"),
            boolean("IsEscalated"), read_only(boolean("IsClosed")),
            read_only(Field("ClosedDate", "datetime")),
            reference("OwnerId", "User", "Owner", nillable=False),
            read_only(reference("MasterRecordId", "Case", "MasterRecord")),
            label="Case", plural="Cases",
        ),
        sobject(
            "Task", "00T",
            reference("WhatId", "Account", "What"), reference("WhoId", "Contact", "Who"),
            read_only(reference("AccountId", "Account", "Account")),
            text("Subject"),
            picklist("Status", "Not Started", "In Progress", "Completed", nillable=False),
            picklist("Priority", "High", "Normal", "Low", nillable=False),
            Field("ActivityDate", "date"),
            read_only(boolean("IsClosed")),
            read_only(Field("CompletedDateTime", "datetime")),
            read_only(boolean("IsArchived")),
            reference("OwnerId", "User", "Owner", nillable=False),
            label="Task", plural="Tasks", archived_after_days=365,
        ),
        sobject(
            "Survey__c", "a0X",
            text("Name", 80),
            reference("Account__c", "Account", "Account__r"),
            Field("Answered_At__c", "datetime"),
            number("Score__c", 2),
            Field("Comment__c", "textarea", length=32000, filterable=False),
            label="Survey", plural="Surveys",
        ),
    ]  # fmt: skip


def history_of(parent: str, prefix: str) -> SObject:
    """Tracked changes of one object. Values cannot be filtered, and nobody writes here."""
    return sobject(
        f"{parent}History", prefix,
        read_only(reference(f"{parent}Id", parent, parent, nillable=False)),
        read_only(picklist("Field", nillable=False)),
        read_only(Field("OldValue", "anyType", length=255, filterable=False)),
        read_only(Field("NewValue", "anyType", length=255, filterable=False)),
        read_only(picklist("DataType")),
        label=f"{parent} History", plural=f"{parent} History", updateable=False, createable=False,
        kept_days=(548, 730),
    )  # fmt: skip


def setup() -> list[SObject]:
    """Users, the organisation, permissions."""
    return [
        sobject(
            "User", "005",
            text("Username", 80, nillable=False), text("Name", 121), text("LastName", 80),
            Field("Email", "email", length=128), boolean("IsActive"),
            picklist("UserType", "Standard"), text("TimeZoneSidKey", 40), text("LanguageLocaleKey"),
            text("LocaleSidKey", 40), text("FederationIdentifier"),
            reference("ProfileId", "Profile", "Profile"),
            label="User", plural="Users", updateable=False, createable=False, bulk=False,
        ),
        sobject("Profile", "00e", text("Name"), label="Profile", plural="Profiles",
                updateable=False, createable=False),
        sobject(
            "Organization", "00D",
            text("Name", 80), text("InstanceName", 5), boolean("IsSandbox"),
            text("OrganizationType", 40), text("NamespacePrefix"), text("TimeZoneSidKey"),
            Field("TrialExpirationDate", "datetime"), text("LanguageLocaleKey"),
            label="Organization", plural="Organizations", updateable=False, createable=False,
        ),
        sobject(
            "PermissionSet", "0PS",
            text("Name", 80, nillable=False, unique=True), text("Label", 80, nillable=False),
            text("Description"), boolean("IsOwnedByProfile"),
            reference("ProfileId", "Profile", "Profile"),
            label="Permission Set", plural="Permission Sets", bulk=False,
        ),
        sobject(
            "PermissionSetAssignment", "0Pa",
            reference("PermissionSetId", "PermissionSet", "PermissionSet", nillable=False),
            reference("AssigneeId", "User", "Assignee", nillable=False),
            label="Permission Set Assignment", plural="Permission Set Assignments", bulk=False,
        ),
        sobject(
            "FieldPermissions", "01k",
            reference("ParentId", "PermissionSet", "Parent", nillable=False),
            picklist("SobjectType", nillable=False), picklist("Field", nillable=False),
            boolean("PermissionsRead"), boolean("PermissionsEdit"),
            label="Field Permissions", plural="Field Permissions", bulk=False,
        ),
    ]  # fmt: skip


def all_objects() -> dict[str, SObject]:
    """Every object of the org by name."""
    made = [
        account(), *people_and_deals(), *work(), *setup(),
        history_of("Account", "017"), history_of("Contact", "0hc"),
    ]  # fmt: skip
    return {obj.name: obj for obj in made}
