"""What outlives a run: a database, and one module for each kind of thing in it.

    database     connections and transactions, by URL
    schema       is it what this version expects; migrations
    tables       what all tables share
    drafts       drafts of documents, by `draft_status`
    chapters     stories, as far as they came
    durations    how long stages took

Nothing here knows a dialect or a run.
"""
