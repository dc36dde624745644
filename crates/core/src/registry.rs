//! Who wants what: one immutable snapshot, replaced as a whole when somebody subscribes or leaves.
//!
//! Producers only ever load the snapshot, which takes no lock. Subscribers change it under a mutex that no producer
//! touches.

use crate::filter::{Filter, Kind};
use crate::subject_map::SubjectMap;
use crate::subscriber::Subscriber;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, ArcSwap, Mutex, lock};
use rustc_hash::FxHashMap;

type Subscribers = Arc<Vec<Arc<Subscriber>>>;

/// All subscribers of a broadcast.
pub(crate) struct Registry {
    snapshot: ArcSwap<Snapshot>,
    entries: Mutex<FxHashMap<u64, Entry>>,
    /// Set under the mutex, so that nobody joins afterwards.
    closed: AtomicBool,
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

impl Registry {
    /// No subscribers, for events of `kinds` kinds.
    pub fn new(kinds: usize) -> Self {
        let empty = Arc::new(KindTable::default());
        Self {
            snapshot: ArcSwap::from_pointee(Snapshot { kinds: vec![empty; kinds].into() }),
            entries: Mutex::new(FxHashMap::default()),
            closed: AtomicBool::new(false),
        }
    }

    /// Calls `each` with every subscriber that wants events of this kind about this subject. Takes no lock; costs what
    /// the matches cost, however many subscribers there are.
    #[inline]
    pub fn for_each_match(&self, kind: Kind, subject: u64, mut each: impl FnMut(&Arc<Subscriber>)) {
        let snapshot = self.snapshot.load();
        let Some(table) = snapshot.kinds.get(usize::from(kind)) else { return };
        table.every.iter().flat_map(|subscribers| subscribers.iter()).for_each(&mut each);
        table.by_subject.get(subject).into_iter().flat_map(|subscribers| subscribers.iter()).for_each(&mut each);
    }

    /// Lets `subscriber` hear what passes `filter`, from now on; or, if it is here already, changes its filter. Returns
    /// false, and does nothing, if the subscriber or the registry is closed.
    pub fn set(&self, subscriber: &Arc<Subscriber>, filter: Filter) -> bool {
        let entry = Entry { subscriber: subscriber.clone(), filter: without_repeats(filter) };
        self.change(|entries, kinds| {
            // Under the lock: a subscriber closes before it is removed, so it can't come back after its removal.
            if self.is_closed() || subscriber.is_closed() {
                return false;
            }
            if let Some(old) = entries.remove(&subscriber.id()) {
                leave(kinds, &old);
            }
            join(kinds, &entry);
            entries.insert(subscriber.id(), entry);
            true
        })
    }

    /// Forgets a subscriber, which must be closed. Unknown: no-op.
    pub fn remove(&self, subscriber: &Subscriber) {
        self.change(|entries, kinds| match entries.remove(&subscriber.id()) {
            Some(old) => {
                leave(kinds, &old);
                true
            }
            None => false,
        });
    }

    /// Forgets every subscriber, and returns them. Nobody joins any more.
    pub fn close(&self) -> Vec<Arc<Subscriber>> {
        let mut all = Vec::new();
        self.change(|entries, kinds| {
            self.closed.store(true, Ordering::Release);
            all.extend(entries.drain().map(|(_, entry)| entry.subscriber));
            kinds.fill(Arc::new(KindTable::default()));
            true
        });
        all
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// How many subscribers there are whose subscription has not ended.
    pub fn len(&self) -> usize {
        lock(&self.entries).values().filter(|entry| !entry.subscriber.is_closed()).count()
    }

    /// Publishes what `change` made of the snapshot, unless it returned false; returns what it returned.
    fn change(&self, change: impl FnOnce(&mut FxHashMap<u64, Entry>, &mut [Arc<KindTable>]) -> bool) -> bool {
        let mut entries = lock(&self.entries);
        let mut next = Snapshot::clone(&self.snapshot.load());
        if !change(&mut entries, &mut next.kinds) {
            return false;
        }
        // Still under the lock, or two changes could overwrite each other.
        let old = self.snapshot.swap(Arc::new(next));
        // Dropped without the lock: a subscriber that goes with the snapshot releases what it never read.
        drop(entries);
        drop(old);
        true
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
    // Kinds that nobody told apart so far share a table, and still do afterwards: to subscribe to all kinds, which is
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
