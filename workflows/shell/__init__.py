"""The only workflow-side code that awaits: commands to Temporal, outcomes to events."""
