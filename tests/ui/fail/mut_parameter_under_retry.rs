use resil::{Error, retry};

#[retry(idempotent)]
async fn one(mut basket: Vec<u32>) -> Result<usize, Error> {
    basket.push(1);
    Ok(basket.len())
}

struct Till;

impl Till {
    #[retry(unsent)]
    async fn two(&mut self, mut basket: Vec<u32>, mut price: u32) -> Result<u32, Error> {
        basket.push(1);
        price += 1;
        Ok(price)
    }

    #[retry(unsent)]
    async fn itself(mut self) -> Result<Till, Error> {
        self = Till;
        Ok(self)
    }

    #[retry(unsent)]
    async fn in_a_pattern((mut price, _name): (u32, String)) -> Result<u32, Error> {
        price += 1;
        Ok(price)
    }
}

fn main() {}
