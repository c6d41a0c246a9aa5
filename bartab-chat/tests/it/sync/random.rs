//! Random conversations with random polls in between, on a ring of every length.

use std::collections::BTreeSet;

use bartab_chat::Config;
use bartab_core::RoomId;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::oracle::{Wish, check, position, seqs};
use crate::support::{Client, Reader, World};

const PEOPLE: usize = 6;
const ROOMS: usize = 3;

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    Do { who: usize, room: usize, deed: Deed },
    Poll { who: usize, limit: usize, rooms: Option<Vec<usize>>, types: Option<usize> },
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    Say,
    Edit,
    Delete,
    React,
    Custom,
    Join,
    Leave,
    Invite(usize),
    Ban(usize),
    Remove(usize),
    Rename,
}

const TYPES: [&str; 3] = ["message.created", "member.joined,member.left", "message.created,x.tick,user.created"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let whom = 1..PEOPLE;
    let deed = prop_oneof![
        8 => Just(Deed::Say),
        1 => Just(Deed::Edit),
        1 => Just(Deed::Delete),
        1 => Just(Deed::React),
        2 => Just(Deed::Custom),
        6 => Just(Deed::Join),
        1 => Just(Deed::Leave),
        2 => whom.clone().prop_map(Deed::Invite),
        1 => whom.clone().prop_map(Deed::Ban),
        2 => whom.prop_map(Deed::Remove),
        1 => Just(Deed::Rename),
    ];
    let who = prop_oneof![1 => Just(0), 2 => 0..PEOPLE];
    let act = (who, 0..ROOMS, deed).prop_map(|(who, room, deed)| Step::Do { who, room, deed });
    let rooms = prop::option::weighted(0.3, prop::collection::vec(0..ROOMS, 1..3));
    let poll = (0..PEOPLE, prop_oneof![1..5_usize, Just(1_000)], rooms, prop::option::weighted(0.3, 0..TYPES.len()));
    let poll = poll.prop_map(|(who, limit, rooms, types)| Step::Poll { who, limit, rooms, types });
    prop::collection::vec(prop_oneof![3 => act, 2 => poll], 1..60)
}

/// A conversation: person 0 owns every room and stays, person 1 has joined all of them and is never put out, the last
/// is a guest of the first room.
struct Scene {
    world: World,
    people: Vec<Client>,
    rooms: Vec<String>,
    readers: Vec<Reader>,
    last: Vec<Option<String>>,
}

impl Scene {
    async fn begin(recent_events: usize) -> Self {
        let world = World::with(Config { recent_events, ..Config::default() }).await;
        let mut people: Vec<Client> = (0..PEOPLE - 1).map(|index| world.person(&format!("p{index}"))).collect();
        let mut rooms = Vec::new();
        for draft in [
            json!({"name": "a", "visibility": "public"}),
            json!({"name": "b", "visibility": "private", "history": "joined"}),
            json!({"name": "c", "visibility": "public", "history": "joined"}),
        ] {
            rooms.push(people[0].room(draft).await);
        }
        people.push(world.guest("guest", &rooms[0]));
        let mut readers = Vec::new();
        for client in &people {
            readers.push(client.reader().await);
        }
        people[0].set(&rooms[1], &people[1], json!({"membership": "invited"})).await;
        people[0].set(&rooms[0], &people[PEOPLE - 1], json!({"membership": "invited"})).await;
        for room in &rooms {
            people[1].join(room).await;
        }
        Self { world, people, last: vec![None; rooms.len()], rooms, readers }
    }

    async fn act(&mut self, who: usize, room: usize, deed: Deed) {
        // The two who stay are left alone, and do not leave.
        let spared = |whom: usize| whom == 1;
        let at = format!("/v1/rooms/{}", self.rooms[room]);
        let last = self.last[room].clone().unwrap_or_else(|| "evt_01j9z3k4m5n6p7q8r9s0t1v2w3".to_owned());
        let member = |whom: usize| format!("{at}/members/{}", self.people[whom].id());
        let (method, path, body) = match deed {
            Deed::Say => ("POST", format!("{at}/messages"), json!({"text": "hi"})),
            Deed::Edit => ("PATCH", format!("{at}/messages/{last}"), json!({"text": "ho"})),
            Deed::Delete => ("DELETE", format!("{at}/messages/{last}"), Value::Null),
            Deed::React => ("PUT", format!("{at}/messages/{last}/reactions/%F0%9F%91%8D"), Value::Null),
            Deed::Custom => ("POST", format!("{at}/events"), json!({"type": "x.tick", "content": {}})),
            Deed::Join => ("POST", format!("{at}/join"), Value::Null),
            Deed::Leave if who > 1 => ("POST", format!("{at}/leave"), Value::Null),
            Deed::Invite(whom) => ("PUT", member(whom), json!({"membership": "invited"})),
            Deed::Ban(whom) if !spared(whom) => ("PUT", member(whom), json!({"membership": "banned"})),
            Deed::Remove(whom) if !spared(whom) => ("DELETE", member(whom), Value::Null),
            Deed::Rename => ("PATCH", at.clone(), json!({"topic": "new"})),
            Deed::Leave | Deed::Ban(_) | Deed::Remove(_) => return,
        };
        let reply = self.people[who].call(method, &path, body).await;
        assert!(reply.status < 500, "{method} {path}: {}", reply.json);
        if matches!(deed, Deed::Say) && reply.status == 201 {
            self.last[room] = reply.json["event_id"].as_str().map(str::to_owned);
        }
    }

    fn wish(&self, who: usize, limit: usize) -> Wish {
        Wish { user: self.people[who].id(), guest: who == PEOPLE - 1, limit, rooms: None, types: None }
    }

    async fn poll(&mut self, who: usize, limit: usize, rooms: Option<&[usize]>, types: Option<usize>) {
        let mut wish = self.wish(who, limit);
        let mut query = format!("&limit={limit}");
        if let Some(rooms) = rooms {
            let ids: Vec<&str> = rooms.iter().map(|room| self.rooms[*room].as_str()).collect();
            query += &format!("&rooms={}", ids.join(","));
            wish.rooms = Some(ids.iter().map(|id| id.parse::<RoomId>().unwrap()).collect());
        }
        if let Some(types) = types {
            query += &format!("&types={}", TYPES[types]);
            wish.types = Some(TYPES[types].split(',').map(str::to_owned).collect());
        }
        let after = position(&self.readers[who].next);
        let answer = self.readers[who].answer(&query).await;
        check(&self.world.records().await, after, &wish, &answer);
    }
}

fn run(case: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(case);
}

fn config(cases: u32) -> ProptestConfig {
    let seed = proptest::test_runner::RngSeed::Fixed(2);
    ProptestConfig { cases, failure_persistence: None, rng_seed: seed, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(48))]

    /// At each answer everyone gets exactly what the rule allows, filtered or not, from the ring, the store or both.
    #[test]
    fn everyone_gets_what_the_rule_allows(steps in steps(), ring in prop_oneof![Just(3_usize), Just(0), Just(4_096)]) {
        run(async {
            let mut scene = Scene::begin(ring).await;
            for step in &steps {
                match step {
                    Step::Do { who, room, deed } => scene.act(*who, *room, *deed).await,
                    Step::Poll { who, limit, rooms, types } => {
                        scene.poll(*who, *limit, rooms.as_deref(), *types).await;
                    }
                }
            }
            for who in 0..PEOPLE {
                loop {
                    scene.poll(who, 2, None, None).await;
                    if !scene.readers[who].more {
                        break;
                    }
                }
            }
        });
    }

    /// Whose memberships do not end gets the same sequence, however it is cut.
    #[test]
    fn cuts_do_not_matter(
        steps in steps(),
        ring in prop_oneof![Just(3_usize), Just(4_096)],
        limits in prop::collection::vec(1..6_usize, 1..10),
    ) {
        run(async {
            let mut scene = Scene::begin(ring).await;
            let starts: Vec<Reader> = scene.readers[..2].to_vec();
            let mut cut: Vec<Vec<u64>> = vec![Vec::new(); 2];
            let mut limits = limits.iter().cycle();
            for step in &steps {
                match step {
                    Step::Do { who, room, deed } => scene.act(*who, *room, *deed).await,
                    Step::Poll { who, .. } => {
                        let who = who % 2;
                        let query = format!("&limit={}", limits.next().unwrap());
                        cut[who].extend(seqs(&scene.readers[who].answer(&query).await));
                    }
                }
            }
            for who in 0..2 {
                loop {
                    let answer = scene.readers[who].answer("&limit=1000").await;
                    cut[who].extend(seqs(&answer));
                    if answer["more"] != true {
                        break;
                    }
                }
                let mut at_once = starts[who].clone();
                assert_eq!(seqs(&at_once.answer("&limit=1000").await), cut[who]);
                let mut single = starts[who].clone();
                let mut one_by_one = Vec::new();
                loop {
                    one_by_one.extend(seqs(&single.answer("&limit=1").await));
                    if !single.more {
                        break;
                    }
                }
                assert_eq!(one_by_one, cut[who]);
                let unique: BTreeSet<u64> = cut[who].iter().copied().collect();
                assert_eq!(unique.len(), cut[who].len(), "nothing comes twice");
            }
        });
    }
}
