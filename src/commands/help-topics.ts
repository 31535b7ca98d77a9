/** What `cnn-dist help` has a page for: docs/help/TOPIC.md. */
export const HELP_TOPICS = ["recipes", "failures", "data", "keys", "clusters", "pictures", "runs"] as const;
