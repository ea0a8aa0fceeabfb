//! An upgrade that is not finished: the journal of it in the spec. It does nothing; `commands::upgrade` does.

use serde::{Deserialize, Serialize};

use super::{ReleaseId, Spec};

/// An upgrade, or a way back, that is not finished: who reconciles next finishes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trial {
    /// What ran before. A spec whose release is this one is on its way back.
    pub from: ReleaseId,
    /// The copy of the database from before, relative to the instance's folder; none if there was no database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Where the newer database goes if the copy is put back, relative to the instance's folder.
    pub aside: String,
    /// Whether it is decided that the copy is put back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub put_back: bool,
    /// When it began, RFC 3339.
    pub started: String,
    /// What one could have gone back to before it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_release: Option<ReleaseId>,
    /// The copy of the database that belongs to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_snapshot: Option<String>,
}

impl Trial {
    /// Whether a spec with this journal is on its way back.
    pub(crate) fn goes_back(&self, spec: &Spec) -> bool {
        spec.release.as_ref() == Some(&self.from)
    }
}

impl Spec {
    /// The next generation, which tries another release after a copy of the database was made.
    pub(crate) fn trying(&self, to: &ReleaseId, from: &ReleaseId, snapshot: Option<String>, started: String) -> Self {
        let trial = Trial {
            from: from.clone(),
            snapshot: snapshot.clone(),
            aside: FAILED.to_owned(),
            put_back: false,
            started,
            previous_release: self.previous_release.clone(),
            previous_snapshot: self.previous_snapshot.clone(),
        };
        Self { trial: Some(trial), ..self.having(to, Some(from), snapshot) }
    }

    /// The next generation with another release, for good.
    pub(crate) fn having(&self, to: &ReleaseId, from: Option<&ReleaseId>, snapshot: Option<String>) -> Self {
        Self {
            generation: self.generation + 1,
            release: Some(to.clone()),
            previous_release: from.cloned(),
            previous_snapshot: snapshot,
            ..self.clone()
        }
    }

    /// The spec on its way back: the next generation, unless it is on its way already.
    pub(crate) fn going_back(&self, put_back: bool) -> Self {
        let Some(trial) = &self.trial else { return self.clone() };
        let is_on_its_way = trial.goes_back(self);
        Self {
            generation: if is_on_its_way { self.generation } else { self.generation + 1 },
            release: Some(trial.from.clone()),
            previous_release: trial.previous_release.clone(),
            previous_snapshot: trial.previous_snapshot.clone(),
            trial: Some(Trial { put_back: put_back || trial.put_back, ..trial.clone() }),
            ..self.clone()
        }
    }

    /// The spec without its journal; the generation stays, because what runs does.
    pub(crate) fn settled(&self) -> Self {
        Self { trial: None, ..self.clone() }
    }
}

/// Where the database of a failed upgrade goes: the next failed one takes its place.
pub(crate) const FAILED: &str = "data/db/ytorch.sqlite3.failed-upgrade";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Desired, tests::example};

    fn release(digit: &str) -> ReleaseId {
        digit.repeat(64).parse().unwrap()
    }

    #[test]
    fn the_way_back_leads_to_what_was_before() {
        let (older, old, new) = (release("1"), release("2"), release("3"));
        let before = example(Desired::Running).having(&old, Some(&older), Some("older".to_owned()));
        let trying = before.trying(&new, &old, Some("old".to_owned()), "now".to_owned());
        assert_eq!((trying.generation, trying.release.as_ref()), (before.generation + 1, Some(&new)));
        let kept = trying.settled();
        assert_eq!((&kept.previous_release, kept.previous_snapshot.as_deref()), (&Some(old), Some("old")));
        assert!(!trying.trial.as_ref().unwrap().goes_back(&trying));
        let back = trying.going_back(false);
        assert!(back.trial.as_ref().unwrap().goes_back(&back));
        assert_eq!(back.going_back(true).generation, back.generation);
        assert!(back.going_back(true).going_back(false).trial.unwrap().put_back, "a decision was taken back");
        assert_eq!(Spec { generation: before.generation, ..back.settled() }, before);
    }
}
