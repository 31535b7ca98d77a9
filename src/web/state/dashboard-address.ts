/** Where the page of a folder of runs is served, on the machine that a run's page came from. */
export interface DashboardAddress {
  scheme: "http" | "https";
  port: number;
}
