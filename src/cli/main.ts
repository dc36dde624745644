#!/usr/bin/env node
import { Command } from 'commander';

const program = new Command('narrowcast');

program
  .command('meeting')
  .description('run a meeting in this process')
  .allowUnknownOption()
  .allowExcessArguments()
  .action(() => {
    console.log('not built yet');
  });

await program.parseAsync();
