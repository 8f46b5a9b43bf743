/**
 * Settings by which no user has too many orders or too fast, for tests whose few users send what
 * many would.
 */
export const plentyOfOrders = {
  ORDERS_PER_USER: "1000000",
  ORDERS_PER_SECOND: "1000000",
}
