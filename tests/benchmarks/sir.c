/* The epidemic of benchmark_models.py by hand: one run after the other, and 64 runs at once.

   kept holds a row for each run: the infectious after `first` steps and then after every `stride` steps. */

#define SIDE 64
#define CONTACTS 6.0
#define POPULATION 10000.0

static inline void step(double *susceptible, double *infectious, double infectivity, double recovery_time, double dt)
{
    double infection = *susceptible * CONTACTS * infectivity * *infectious / POPULATION;
    double recovery = *infectious / recovery_time;
    *susceptible = *susceptible + -infection * dt;
    *infectious = *infectious + (infection - recovery) * dt;
}

void scalar(const double *infectivity, const double *recovery_time, double *kept,
            long runs, long first, long stride, long rows, double dt)
{
    for (long run = 0; run < runs; run++) {
        double susceptible = POPULATION - 10.0, infectious = 10.0;
        for (long row = 0; row < rows; row++) {
            for (long k = row ? stride : first; k > 0; k--)
                step(&susceptible, &infectious, infectivity[run], recovery_time[run], dt);
            kept[run * rows + row] = infectious;
        }
    }
}

/* runs must be a multiple of SIDE */
void side_by_side(const double *infectivity, const double *recovery_time, double *kept,
                  long runs, long first, long stride, long rows, double dt)
{
    for (long run = 0; run < runs; run += SIDE) {
        double susceptible[SIDE], infectious[SIDE];
        for (long lane = 0; lane < SIDE; lane++) {
            susceptible[lane] = POPULATION - 10.0;
            infectious[lane] = 10.0;
        }
        for (long row = 0; row < rows; row++) {
            for (long k = row ? stride : first; k > 0; k--)
                for (long lane = 0; lane < SIDE; lane++)
                    step(susceptible + lane, infectious + lane, infectivity[run + lane], recovery_time[run + lane], dt);
            for (long lane = 0; lane < SIDE; lane++)
                kept[(run + lane) * rows + row] = infectious[lane];
        }
    }
}
