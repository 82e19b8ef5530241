// [exploration]: how the sampling distribution is learned. [sampling]: other rules, to compare with.
#pragma once

#include <cstdint>
#include <string>

namespace autosampling {

struct ExplorationOptions {
    std::string kind = "mixture";       // none (one member, uniform), random (population, uniform), mixture
    std::string credit = "winner";      // winner (the paper's), advantage
    std::string credit_signal = "loss"; // loss, accuracy: what advantage credit compares
    std::int64_t first_epoch = -1;      // epochs before the first exploration; −1: 20 with winner, 0 with advantage
    std::int64_t interval_epochs = 0;   // 0 with interval_cycles 0: N_u + 1 epochs with winner, 1 cycle with advantage
    std::int64_t interval_cycles = 0;
    std::int64_t uniform_epochs = -1;  // N_u; −1: 3 with winner, 0 with advantage
    std::string mixing = "auto";       // epochs, draws; auto: epochs with winner, draws with advantage
    double smoothing = 1;              // s, winner credit
    double beta = 1;                   // β, advantage credit
    double perturbation = 0.1;         // σ
    std::string counts = "all";        // all, window, decay
    std::int64_t window_cycles = 0;    // window only
    std::int64_t half_life_cycles = 0; // decay only
    bool replacement = true;           // inside a learned cycle
    std::string uniform = "member";    // member (the paper's), lineage
};

// Defaults of small-loss and infobatch are those of their authors' programs (bhanML/Co-teaching, NUS-HPC-AI-Lab/
// InfoBatch); loss-rank's are within the range that its paper tries.
struct SamplingOptions {
    std::string rule = "uniform"; // uniform (or as explored), class-balanced, loss-rank, small-loss, infobatch
    double pressure = 100;        // s_e in epoch 1, loss-rank only
    double final_pressure = 1;    // s_e in the last epoch, loss-rank only
    double forget_rate = 0.2;     // τ, small-loss only
    double forget_epochs = 10;    // T_k, small-loss only
    double prune_rate = 0.5;      // r, infobatch only
    double anneal = 0.125;        // δ, infobatch only
};

} // namespace autosampling
