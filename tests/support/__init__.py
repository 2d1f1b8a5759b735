"""What several kinds of tests need: real servers, real receivers, real clocks in a test's hand."""
