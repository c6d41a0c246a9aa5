//! Sequences of commands against the pure model.

mod input;
mod oracle;
mod world;

use arbitrary::Unstructured;

use world::World;

/// As many events as one input may make: enough for any state, few enough to replay often.
const EVENTS: usize = 400;

/// Whatever is asked for, in batches as the sequencer decides them, what was decided keeps the rules of the chat, and
/// the log played back, erasures and all, gives the live state.
pub fn commands(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let mut world = World::default();
    world.decide(input::beginning());
    while !input.is_empty() && world.log().len() < EVENTS {
        let Ok(batch) = input::batch(&mut input, &world) else { break };
        world.decide(batch);
    }
    world.check();
}
