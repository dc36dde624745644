//! Who wants what: one immutable snapshot, replaced as a whole when a subscription comes or goes.
//!
//! Producers only ever load the snapshot, which takes no lock; and not even that where [`Interest`] knows that no subscriber
//! wants the event. Subscribers change both under a mutex that no producer touches.

use crate::filter::{Filter, Kind};
use crate::interest::{Demand, Interest};
use crate::subject_map::SubjectMap;
use crate::subscriber::Subscriber;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, ArcSwap, Mutex, lock};
use rustc_hash::FxHashMap;

type Subscribers = Arc<Vec<Arc<Subscriber>>>;

/// All subscribers of a broadcast.
pub(crate) struct Registry {
    interest: Interest,
    snapshot: ArcSwap<Snapshot>,
    members: Mutex<Members>,
    /// Set under the mutex, so that no subscription joins afterwards.
    closed: AtomicBool,
}

/// What the snapshot and the interest are made from.
struct Members {
    entries: FxHashMap<u64, Entry>,
    demand: Demand,
}

struct Entry {
    subscriber: Arc<Subscriber>,
    filter: Filter,
}

/// For each kind, who wants it. Kinds may share a table.
#[derive(Clone)]
struct Snapshot {
    kinds: Box<[Arc<KindTable>]>,
}

/// A subscriber stands in `every` or under its subjects, never in both: an event meets it once at most.
#[derive(Clone, Default)]
struct KindTable {
    every: Option<Subscribers>,
    by_subject: SubjectMap<Subscribers>,
}

/// Who wants an event: each of them once.
#[derive(Clone, Copy)]
pub(crate) struct Matches<'a> {
    every: Option<&'a Vec<Arc<Subscriber>>>,
    named: Option<&'a Vec<Arc<Subscriber>>>,
}

impl<'a> Matches<'a> {
    /// The subscribers, in the same order each time.
    pub fn iter(self) -> impl Iterator<Item = &'a Subscriber> {
        self.every.into_iter().chain(self.named).flatten().map(|subscriber| &**subscriber)
    }
}

impl Registry {
    /// No subscribers, for events of `kinds` kinds.
    pub fn new(kinds: usize) -> Self {
        let empty = Arc::new(KindTable::default());
        Self {
            interest: Interest::new(),
            snapshot: ArcSwap::from_pointee(Snapshot { kinds: vec![empty; kinds].into() }),
            members: Mutex::new(Members { entries: FxHashMap::default(), demand: Demand::default() }),
            closed: AtomicBool::new(false),
        }
    }

    /// Calls `with` with the subscribers that want events of this kind about this subject, if there are any. Takes no
    /// lock; costs what the matches cost, however many subscribers there are.
    #[inline]
    pub fn with_matches<T>(&self, kind: Kind, subject: u64, with: impl FnOnce(Matches<'_>) -> T) -> Option<T> {
        if !self.interest.may_want(kind, subject) {
            return None;
        }
        let snapshot = self.snapshot.load();
        let table = snapshot.kinds.get(usize::from(kind))?;
        let matches =
            Matches { every: table.every.as_deref(), named: table.by_subject.get(subject).map(|list| &**list) };
        matches.iter().next().is_some().then(|| with(matches))
    }

    /// Lets `subscriber` hear what passes `filter`, from now on; or, if it is here already, changes its filter. Returns
    /// false, and does nothing, if the subscriber or the registry is closed.
    pub fn set(&self, subscriber: &Arc<Subscriber>, filter: Filter) -> bool {
        let entry = Entry { subscriber: subscriber.clone(), filter: without_repeats(filter) };
        let change = self.change(|members, kinds| {
            // Under the lock: a subscriber closes before it is removed, so it can't come back after its removal.
            if self.is_closed() || subscriber.is_closed() {
                return None;
            }
            let old = members.entries.remove(&subscriber.id());
            old.iter().for_each(|old| leave(kinds, old));
            join(kinds, &entry);
            self.interest.raise(&mut members.demand, &entry.filter);
            members.entries.insert(subscriber.id(), entry);
            Some(old.into_iter().collect())
        });
        change.is_some()
    }

    /// Forgets a subscriber, which must be closed. Unknown: no-op.
    pub fn remove(&self, subscriber: &Subscriber) {
        self.change(|members, kinds| {
            let old = members.entries.remove(&subscriber.id())?;
            leave(kinds, &old);
            Some(vec![old])
        });
    }

    /// Forgets every subscriber, and returns them. No subscription joins any more.
    pub fn close(&self) -> Vec<Arc<Subscriber>> {
        let all = self.change(|members, kinds| {
            self.closed.store(true, Ordering::Release);
            kinds.fill(Arc::new(KindTable::default()));
            Some(members.entries.drain().map(|(_, entry)| entry).collect())
        });
        all.into_iter().flatten().map(|entry| entry.subscriber).collect()
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// How many subscribers there are whose subscription has not ended.
    pub fn len(&self) -> usize {
        lock(&self.members).entries.values().filter(|entry| !entry.subscriber.is_closed()).count()
    }

    /// Publishes what `change` made of the snapshot; `None`: nothing. It returns the entries that are no longer in it,
    /// as does this.
    fn change(
        &self,
        change: impl FnOnce(&mut Members, &mut [Arc<KindTable>]) -> Option<Vec<Entry>>,
    ) -> Option<Vec<Entry>> {
        let mut members = lock(&self.members);
        let mut next = Snapshot::clone(&self.snapshot.load());
        let left = change(&mut members, &mut next.kinds)?;
        // Still under the lock, or two changes could overwrite each other.
        let old = self.snapshot.swap(Arc::new(next));
        left.iter().for_each(|entry| self.interest.lower(&mut members.demand, &entry.filter));
        // Dropped without the lock: a subscriber that goes with the snapshot releases what it never read.
        drop(members);
        drop(old);
        Some(left)
    }
}

fn without_repeats(mut filter: Filter) -> Filter {
    if let Some(subjects) = &mut filter.subjects {
        subjects.sort_unstable();
        subjects.dedup();
    }
    filter
}

fn join(kinds: &mut [Arc<KindTable>], entry: &Entry) {
    edit(kinds, &entry.filter, |list| {
        let others = list.into_iter().flat_map(|list| list.iter().cloned());
        Some(Arc::new(others.chain([entry.subscriber.clone()]).collect()))
    });
}

fn leave(kinds: &mut [Arc<KindTable>], entry: &Entry) {
    edit(kinds, &entry.filter, |list| {
        let others: Vec<_> = list?.iter().filter(|other| other.id() != entry.subscriber.id()).cloned().collect();
        if others.is_empty() { None } else { Some(Arc::new(others)) }
    });
}

/// Replaces each list of subscribers that `filter` names.
fn edit(kinds: &mut [Arc<KindTable>], filter: &Filter, change: impl Fn(Option<&Subscribers>) -> Option<Subscribers>) {
    // Kinds that no filter told apart so far share a table, and still do afterwards: to subscribe to all kinds, which is
    // the default, costs as much as to subscribe to one.
    let mut edited: Vec<(Arc<KindTable>, Arc<KindTable>)> = Vec::new();
    for kind in filter.kinds.iter() {
        let Some(place) = kinds.get_mut(usize::from(kind)) else { continue };
        if let Some((_, next)) = edited.iter().find(|(old, _)| Arc::ptr_eq(old, place)) {
            *place = next.clone();
            continue;
        }
        let mut next = KindTable::clone(place);
        match &filter.subjects {
            None => next.every = change(next.every.as_ref()),
            Some(subjects) => {
                for &subject in subjects {
                    let list = change(next.by_subject.get(subject));
                    next.by_subject.set(subject, list);
                }
            }
        }
        let next = Arc::new(next);
        let old = std::mem::replace(place, next.clone());
        edited.push((old, next));
    }
}
