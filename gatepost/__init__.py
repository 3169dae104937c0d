"""Gatepost: replay product usage through a customer journey, write the result into the CRM."""

__version__ = "0.1.0"
