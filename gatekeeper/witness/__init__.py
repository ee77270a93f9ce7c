"""The witness: event triggers in the scratch database that record what each statement did."""
