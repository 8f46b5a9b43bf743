/**
 * Settings that let every user place many orders fast, for tests whose few users stand for many.
 */
export const plentyOfOrders = {
  ORDERS_PER_USER: "1000000",
  ORDERS_PER_SECOND: "1000000",
}
