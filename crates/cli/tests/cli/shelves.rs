//! Shelves for everyone, from a seed.

use crate::support::Folder;
use serde_json::Value;

fn ids(shelf: &Value) -> Vec<&str> {
    shelf.as_array().unwrap().iter().map(|of| of["item"].as_str().unwrap()).collect()
}

#[test]
fn a_seed_tells_what_is_alike_and_what_is_popular() {
    let folder = Folder::with_ratings();
    folder.stdout(
        "train seed.csv --label rating --time timestamp --positive 4 --factors 4 --method bayes --items items.csv \
         --item-fields genres --out s.safetensors",
    );
    // Even films are liked by even people: so are those that are like one.
    let like = folder.json("similar s.safetensors --item 10 -k 20 --items items.csv --json");
    assert_eq!(like.as_array().unwrap().len(), 20);
    assert!(ids(&like).iter().all(|id| *id != "10" && id.parse::<u32>().unwrap() % 2 == 0), "{like}");
    let similarities: Vec<f64> = like.as_array().unwrap().iter().map(|of| of["similarity"].as_f64().unwrap()).collect();
    assert!(similarities.is_sorted_by(|a, b| a >= b) && similarities[0] <= 1.0, "{like}");
    // A film that the seed has never seen is like others by its genres.
    folder.write("more.csv", "item,title,genres\n10,Film,Drama|Film0\nnew,Newer,War|Film1\n");
    let like = folder.json("similar s.safetensors --item new -k 10 --items more.csv --json");
    assert!(ids(&like).iter().filter(|id| id.parse::<u32>().unwrap() % 2 == 1).count() >= 8, "{like}");

    let popular = folder.json("popular s.safetensors -k 5 --json");
    assert_eq!(popular.as_array().unwrap().len(), 5);
    let scores: Vec<f64> = popular.as_array().unwrap().iter().map(|of| of["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{popular}");
    assert!(popular[0]["probability"].as_f64().unwrap() > 0.0);
    assert_eq!(folder.stdout("popular s.safetensors").lines().count(), 11);
    assert_eq!(folder.stdout("similar s.safetensors --item 3 -k 4").lines().count(), 4);
    for (args, told) in [
        ("similar s.safetensors --item unheard", "--item unheard"),
        ("similar s.safetensors --item 3 --items gone.csv", "gone.csv"),
        ("popular items.csv", "is not a seed"),
    ] {
        let complaint = folder.complaint(args);
        assert!(complaint.contains(told), "{args}: {complaint}");
    }
}
