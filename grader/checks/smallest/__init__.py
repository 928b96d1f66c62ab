"""The smallest input on which a submission differs from every right answer."""
