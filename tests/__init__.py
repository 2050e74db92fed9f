"""The tests, in tiers: unit, integration, conformance, e2e; CONTRIBUTING.md says what each is for."""
