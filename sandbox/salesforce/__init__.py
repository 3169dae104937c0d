"""One Salesforce org: REST, Bulk 2.0, Tooling and OAuth as far as a sync meets them."""
