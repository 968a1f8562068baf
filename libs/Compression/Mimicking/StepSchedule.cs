namespace Fewshot.Compression.Mimicking;

/// <summary>The learning rate of PRACTISE and MiR: divided by 10 at 40 % and again at 80 % of the iterations.</summary>
public static class StepSchedule
{
    public static double Rate(double initial, long iteration, long iterations)
    {
        if (iteration * 10 >= iterations * 8)
            return initial / 100;
        return iteration * 10 >= iterations * 4 ? initial / 10 : initial;
    }
}
