"""What the command line does, apart from its options: reading, the job, the report, writing."""
