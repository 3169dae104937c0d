"""Salesforce: accounts and child records read, fields written, over REST and Bulk 2.0."""
