//! What the storage refuses is a clear problem, and the client goes on from there.

use bartab_media::Config;

use super::*;
use crate::service::faulty::{Fault, Faulty, Op};

#[tokio::test(start_paused = true)]
async fn an_upload_goes_on_when_the_storage_works_again() {
    for fault in [Fault::Fails, Fault::Full, Fault::Stalls] {
        for op in [Op::Open, Op::Part, Op::Complete, Op::Get, Op::Head, Op::Rename] {
            let bytes = Faulty::new();
            let world = World::over(Config { part_bytes: 5, ..Config::default() }, Arc::new(bytes.clone()));
            let path = create(&world, 11, "").await;
            assert_eq!(patch(&world, &path, 0, "hello").await.status, 204);
            bytes.breaks(op, 1, fault);
            let broken = patch(&world, &path, 5, " world").await;
            // Not everything that can break is in the way.
            let expected: &[u16] = if fault == Fault::Full { &[204, 503, 507] } else { &[204, 503] };
            assert!(expected.contains(&broken.status), "{op:?} {fault:?}: {broken:?}");
            let needed = [Op::Open, Op::Part, Op::Complete, Op::Get, Op::Rename].contains(&op);
            assert!(!needed || broken.status != 204, "{op:?} {fault:?}");
            bytes.heals();
            let stands = head(&world, &path).await;
            let id = match made(&stands) {
                Some(id) => id,
                None => {
                    let offset: usize = stands.header("upload-offset").unwrap().parse().unwrap();
                    made(&patch(&world, &path, offset, &" world"[offset - 5..]).await).unwrap()
                }
            };
            assert_eq!(world.content(id).await, "hello world", "{op:?} {fault:?}");
            assert_eq!(world.files(&robin()).await, 1);
        }
    }
}
